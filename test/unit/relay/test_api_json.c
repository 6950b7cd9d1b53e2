/* The JSON body of POST /api/tunnels. */
#include "relay/api_json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"

#define NOT_AN_OBJECT "The body must be a JSON object."
#define NOT_A_PASSWORD "The member \"password\" must be a text of 4 to 128 bytes, or null."
#define NOT_A_NAME "The member \"subdomain\" must be a name."

static struct api_json_tunnel tunnel;

/* Reads a copy of exactly that size, and gives back the sentence, or NULL. */
static const char *read_slice(struct slice body)
{
	static char sentence[256];
	char *copy = mem_dup(body.ptr, body.len);
	struct buf out = {0};
	int err = api_json_read_tunnel(slice_of(copy, body.len), &tunnel, &out);

	slice_to_str(buf_slice(&out), sentence, sizeof(sentence));
	buf_release(&out);
	mem_free(copy);
	assert_true(err == 0 || err == ERR_SYNTAX);
	assert_int_equal(err != 0, sentence[0] != '\0');
	return err ? sentence : NULL;
}

static const char *read_text(const char *body)
{
	return read_slice(slice_from_str(body));
}

static void check_name(const char *body, const char *name)
{
	assert_null(read_text(body));
	assert_true(tunnel.has_subdomain);
	assert_int_equal(tunnel.subdomain_len, strlen(name));
	assert_string_equal(tunnel.subdomain, name);
}

static void a_name_may_be_asked_for(void **state)
{
	check_name("{\"subdomain\":\"my-app\"}", "my-app");
	check_name(" \r\n\t{ \"subdomain\" : \"my-app\" }\n ", "my-app");
	check_name("{\"subdomain\":\"m\\u0079-app\"}", "my-app");
	check_name("{\"\\u0073ubdomain\":\"my-app\"}", "my-app");
	/* Whether it may be had is decided elsewhere. */
	check_name("{\"subdomain\":\"\"}", "");
	check_name("{\"subdomain\":\"Not A Name!\"}", "Not A Name!");
	check_name("{\"subdomain\":\"\xc3\xa4\"}", "\xc3\xa4");
}

static void nothing_in_particular_may_be_asked_for(void **state)
{
	static const char *const rows[] = {
		"", " ", "\r\n", " \t\n ", "{}", " { } ", "{\"subdomain\":null}"};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_null(read_text(rows[i]));
		assert_false(tunnel.has_subdomain);
		assert_int_equal(tunnel.subdomain_len, 0);
	}
	assert_null(read_slice((struct slice) {NULL, 0}));
}

static void what_is_no_object_is_refused(void **state)
{
	static const char *const rows[] = {"[]", "[{}]", "null", "true", "1", "\"my-app\"", "{",
		"}", "{]", "{\"subdomain\"}", "{\"subdomain\":}", "{\"subdomain\":\"a\"",
		"{\"subdomain\":\"a\",}", "{\"subdomain\":\"a\"}x", "{}{}", "{} {}", "x{}",
		"{'subdomain':'my-app'}", "{subdomain:\"my-app\"}", "subdomain=my-app",
		"{\"subdomain\":\"a\tb\"}", "{\"subdomain\":\"\\q\"}",
		"{\"subdomain\":\"\\ud800\"}", "{\"subdomain\":\"\xff\"}",
		"{\"subdomain\":\"a\\u0000b\"}", "\xef\xbb\xbf{}", "{\"a\\u0000b\":1}",
		"{\"subdomain\":\"abcd\",\"subdomain\":\"efgh\"}",
		"{\"subdomain\":\"abcd\",\"\\u0073ubdomain\":\"abcd\"}", "{\"subdomain\":1e999}"};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *sentence = read_text(rows[i]);

		if (!sentence)
			fail_msg("%s was taken", rows[i]);
		assert_string_equal(sentence, NOT_AN_OBJECT);
	}
	assert_string_equal(read_slice(SLICE("{}\0")), NOT_AN_OBJECT);
	assert_string_equal(read_slice(SLICE("\0")), NOT_AN_OBJECT);
}

static void a_name_that_is_no_text_is_refused(void **state)
{
	static const char *const rows[] = {"{\"subdomain\":1}", "{\"subdomain\":true}",
		"{\"subdomain\":{}}", "{\"subdomain\":[\"my-app\"]}", "{\"subdomain\":1.5}"};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_string_equal(read_text(rows[i]), NOT_A_NAME);
		assert_false(tunnel.has_subdomain);
	}
}

static void a_password_may_be_set_or_taken_away(void **state)
{
	assert_null(read_text("{}"));
	assert_false(tunnel.sets_gate);
	assert_null(read_text("{\"password\":null}"));
	assert_true(tunnel.sets_gate);
	assert_int_equal(tunnel.password_len, 0);
	assert_null(read_text("{\"password\":\"\\u20ac1\",\"subdomain\":\"my-app\"}"));
	assert_true(tunnel.sets_gate && tunnel.has_subdomain);
	assert_int_equal(tunnel.password_len, 4);
	assert_memory_equal(tunnel.password,
		"\xe2\x82\xac"
		"1",
		4);
}

static void a_password_of_another_length_is_refused(void **state)
{
	static const char *const rows[] = {"{\"password\":\"\"}", "{\"password\":\"abc\"}",
		"{\"password\":1234}", "{\"password\":[\"hunter22\"]}", "{\"password\":false}"};
	struct buf body = {0};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_string_equal(read_text(rows[i]), NOT_A_PASSWORD);
	for (size_t len = PASSWORD_MAX; len <= PASSWORD_MAX + 1; len++) {
		buf_append_str(&body, "{\"password\":\"");
		for (size_t i = 0; i < len; i++)
			buf_append_char(&body, 'p');
		buf_append_str(&body, "\"}");
		assert_int_equal(!read_slice(buf_slice(&body)), len == PASSWORD_MAX);
		buf_release(&body);
	}
}

static void a_member_that_is_not_known_is_refused_by_its_name(void **state)
{
	assert_string_equal(
		read_text("{\"secret\":\"hunter22\"}"), "The member \"secret\" is not supported.");
	assert_string_equal(read_text("{\"subdomain\":\"my-app\",\"Password\":null}"),
		"The member \"Password\" is not supported.");
	assert_string_equal(read_text("{\"Subdomain\":\"my-app\"}"),
		"The member \"Subdomain\" is not supported.");
	assert_string_equal(read_text("{\"\":1}"), "The member \"\" is not supported.");
}

/* `open` repeated, then `middle`, then `close` repeated. */
static const char *read_repeated(
	const char *open, unsigned count, const char *middle, const char *close)
{
	struct buf body = {0};
	const char *sentence;

	for (unsigned i = 0; i < count; i++)
		buf_append_str(&body, open);
	buf_append_str(&body, middle);
	for (unsigned i = 0; i < count; i++)
		buf_append_str(&body, close);
	sentence = read_slice(buf_slice(&body));
	buf_release(&body);
	return sentence;
}

static void the_name_of_a_member_is_cut_in_the_sentence(void **state)
{
	struct buf body = {0};

	buf_append_str(&body, "{\"");
	for (int i = 0; i < 60000; i++)
		buf_append_char(&body, 'k');
	buf_append_str(&body, "\":1}");
	assert_int_equal(strlen(read_slice(buf_slice(&body))),
		strlen("The member \"\" is not supported.") + 64);
	buf_release(&body);
}

static void check_length(size_t len, bool is_taken)
{
	struct buf body = {0};
	const char *sentence;

	buf_append_str(&body, "{\"subdomain\":\"");
	for (size_t i = 0; i < len; i++)
		buf_append_char(&body, 'a');
	buf_append_str(&body, "\"}");
	sentence = read_slice(buf_slice(&body));
	buf_release(&body);
	assert_int_equal(sentence == NULL, is_taken);
	if (is_taken)
		assert_int_equal(tunnel.subdomain_len, len);
	else
		assert_string_equal(sentence, NOT_A_NAME);
}

static void a_name_has_a_limit(void **state)
{
	check_length(API_JSON_SUBDOMAIN_MAX, true);
	check_length(API_JSON_SUBDOMAIN_MAX + 1, false);
	check_length(65000, false);
}

static void depth_does_not_hurt(void **state)
{
	assert_string_equal(read_repeated("[", 30000, "", "]"), NOT_AN_OBJECT);
	assert_string_equal(read_repeated("[", 60000, "", ""), NOT_AN_OBJECT);
	assert_string_equal(read_repeated("{\"a\":", 10000, "1", "}"), NOT_AN_OBJECT);
	assert_string_equal(read_repeated("{\"a\":", 10000, "", ""), NOT_AN_OBJECT);
}

/* Whatever is cut off the end, it is no object any more. */
static void no_part_of_a_body_is_taken_for_the_whole(void **state)
{
	struct slice body = SLICE("{\"subdomain\":\"my-app\"}");

	for (size_t len = 1; len < body.len; len++)
		assert_string_equal(read_slice(slice_first(body, len)), NOT_AN_OBJECT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_may_be_asked_for),
		cmocka_unit_test(nothing_in_particular_may_be_asked_for),
		cmocka_unit_test(what_is_no_object_is_refused),
		cmocka_unit_test(a_name_that_is_no_text_is_refused),
		cmocka_unit_test(a_password_may_be_set_or_taken_away),
		cmocka_unit_test(a_password_of_another_length_is_refused),
		cmocka_unit_test(a_member_that_is_not_known_is_refused_by_its_name),
		cmocka_unit_test(the_name_of_a_member_is_cut_in_the_sentence),
		cmocka_unit_test(a_name_has_a_limit),
		cmocka_unit_test(depth_does_not_hurt),
		cmocka_unit_test(no_part_of_a_body_is_taken_for_the_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
