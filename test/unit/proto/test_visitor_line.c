/* The line in front of a visitor's bytes: written, read whole, torn, and refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/mem.h"
#include "proto/visitor_line.h"

static const struct visitor_line known = {
	.tunnel = 1,
	.visitor = SLICE("203.0.113.9"),
	.public_address = SLICE("198.51.100.1"),
	.scheme = SLICE("https"),
	.request_id = SLICE("4f2a90c1d3e5b768"),
	.visitor_port = 51234,
	.public_port = 443,
};
static const char known_text[] = "1 203.0.113.9 51234 198.51.100.1 443 https 4f2a90c1d3e5b768\n";

static void check_written(const struct visitor_line *line, const char *wanted)
{
	struct buf out = {0};

	visitor_line_write(&out, line);
	assert_true(slice_eq(buf_slice(&out), slice_from_str(wanted)));
	buf_release(&out);
}

static void check_same(const struct visitor_line *a, const struct visitor_line *b)
{
	assert_int_equal(a->tunnel, b->tunnel);
	assert_true(slice_eq(a->visitor, b->visitor));
	assert_true(slice_eq(a->public_address, b->public_address));
	assert_true(slice_eq(a->scheme, b->scheme));
	assert_true(slice_eq(a->request_id, b->request_id));
	assert_int_equal(a->visitor_port, b->visitor_port);
	assert_int_equal(a->public_port, b->public_port);
}

static enum parse_result parse(const char *text)
{
	struct visitor_line line;
	size_t size;

	return visitor_line_parse(slice_from_str(text), &line, &size);
}

static void what_is_written_can_be_read(void **state)
{
	struct visitor_line line;
	size_t size;

	check_written(&known, known_text);
	assert_int_equal(visitor_line_parse(SLICE("1 203.0.113.9 51234 198.51.100.1 443 https "
						  "4f2a90c1d3e5b768\nGET / HTTP/1.1\r\n"),
				 &line, &size),
		PARSE_DONE);
	check_same(&line, &known);
	assert_int_equal(size, strlen(known_text));
}

static void what_is_not_known_is_a_dash(void **state)
{
	struct visitor_line line = known, nothing = {.tunnel = INT32_MAX};
	size_t size;

	check_written(&nothing, "2147483647 - - - - - -\n");
	assert_int_equal(
		visitor_line_parse(SLICE("2147483647 - - - - - -\n"), &line, &size), PARSE_DONE);
	check_same(&line, &nothing);
}

static void words_that_are_none_are_written_as_dashes(void **state)
{
	struct visitor_line line = known;
	char address[66];

	memset(address, 'a', sizeof(address));
	line.visitor = slice_of(address, 65);
	line.public_address = SLICE("a b");
	line.scheme = SLICE("ht\ntp");
	line.request_id = SLICE("\xc3\xa4");
	check_written(&line, "1 - 51234 - 443 - -\n");
}

static void the_longest_words_fit(void **state)
{
	struct visitor_line line = {.tunnel = INT32_MAX, .visitor_port = 65535}, again;
	struct buf out = {0};
	char word[64];
	size_t size;

	memset(word, 'a', sizeof(word));
	line.public_port = 65535;
	line.visitor = line.public_address = line.request_id = slice_of(word, 64);
	line.scheme = slice_of(word, 16);
	visitor_line_write(&out, &line);
	assert_true(buf_len(&out) <= VISITOR_LINE_MAX);
	assert_int_equal(visitor_line_parse(buf_slice(&out), &again, &size), PARSE_DONE);
	check_same(&line, &again);
	buf_release(&out);
}

static void bad_lines_are_refused(void **state)
{
	static const char *const bad[] = {
		"\n",
		"1\n",
		"1 - - - - -\n",
		"1 - - - - - - -\n",
		"1 - - - - - - \n",
		" 1 - - - - - -\n",
		"1  - - - - - -\n",
		"1 - - - - - -\r\n",
		"1 - - - -\t- -\n",
		"0 - - - - - -\n",
		"- - - - - - -\n",
		"2147483648 - - - - - -\n",
		"99999999999999999999 - - - - - -\n",
		"-1 - - - - - -\n",
		"1 - 0 - - - -\n",
		"1 - 65536 - - - -\n",
		"1 - x - - - -\n",
		"1 - - - 65536 - -\n",
		"1 \xc3\xa4 - - - - -\n",
		"\x01",
		"\r",
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(parse(bad[i]), PARSE_BAD);
}

/* Words are looked at eight bytes at a time: no length and no place may hide a byte. */
static void a_bad_byte_is_found_at_every_place(void **state)
{
	static const char bad[] = {'\x1f', ' ', '\t', '\x7f', '\x80', '\xa1', '\xff'};
	const struct visitor_line whole = {.tunnel = 1};
	struct visitor_line line = whole;
	struct buf out = {0};
	char word[20];

	for (size_t len = 1; len <= sizeof(word); len++) {
		for (size_t i = 0; i < len * ARRAY_LEN(bad); i++) {
			memset(word, i % 2 ? '!' : '~', len);
			word[i % len] = bad[i / len];
			line.visitor = slice_of(word, len);
			visitor_line_write(&out, &line);
			buf_append_char(&out, '\0');
			assert_string_equal(buf_slice(&out).ptr, "1 - - - - - -\n");
			buf_release(&out);
		}
		memset(word, len % 2 ? '!' : '~', len);
		line.visitor = slice_of(word, len);
		visitor_line_write(&out, &line);
		assert_memory_equal(buf_slice(&out).ptr + 2, word, len);
		buf_release(&out);
	}
}

static void a_line_that_is_too_long_is_refused_before_its_end(void **state)
{
	char text[VISITOR_LINE_MAX + 2] = "1 - - - - - ";
	size_t used = strlen(text);

	memset(text + used, 'a', sizeof(text) - 1 - used);
	text[VISITOR_LINE_MAX - 1] = '\0';
	assert_int_equal(parse(text), PARSE_MORE);
	text[VISITOR_LINE_MAX - 1] = '\n';
	assert_int_equal(parse(text), PARSE_DONE);
	text[VISITOR_LINE_MAX - 1] = 'a';
	text[VISITOR_LINE_MAX] = '\0';
	assert_int_equal(parse(text), PARSE_BAD);
	text[VISITOR_LINE_MAX] = '\n';
	assert_int_equal(parse(text), PARSE_BAD);
}

static void it_may_come_byte_by_byte(void **state)
{
	struct visitor_line line;
	size_t size;

	for (size_t i = 0; i < strlen(known_text); i++) {
		char *piece = mem_dup(known_text, i);

		assert_int_equal(visitor_line_parse(slice_of(piece, i), &line, &size), PARSE_MORE);
		mem_free(piece);
	}
	assert_int_equal(parse(known_text), PARSE_DONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_can_be_read),
		cmocka_unit_test(what_is_not_known_is_a_dash),
		cmocka_unit_test(words_that_are_none_are_written_as_dashes),
		cmocka_unit_test(the_longest_words_fit),
		cmocka_unit_test(bad_lines_are_refused),
		cmocka_unit_test(a_bad_byte_is_found_at_every_place),
		cmocka_unit_test(a_line_that_is_too_long_is_refused_before_its_end),
		cmocka_unit_test(it_may_come_byte_by_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
