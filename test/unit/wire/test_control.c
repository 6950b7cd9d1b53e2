/* Control messages: each type there and back, what is ignored, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/mem.h"
#include "wire/control.h"

#define HTTP "{\"type\":\"register\",\"tunnel\":1,\"proto\":\"http\","

static void check_written(const struct control *c, const char *wanted)
{
	struct buf out = {0};

	control_write(&out, c);
	buf_append_char(&out, '\0');
	assert_string_equal(out.base, wanted);
	buf_release(&out);
}

static struct control read_line(const char *text)
{
	struct buf why = {0};
	struct control c;

	assert_int_equal(control_read(slice_from_str(text), &c, &why), 0);
	assert_int_equal(buf_len(&why), 0);
	return c;
}

/* What was read is written again: the same line, when its members stood in our order. */
static void check_returns(const char *line)
{
	struct control c = read_line(line);

	check_written(&c, line);
	control_deinit(&c);
	assert_null(c.message);
}

static void check_refused(const char *text, const char *wanted)
{
	struct buf why = {0};
	struct control c;

	assert_int_equal(control_read(slice_from_str(text), &c, &why), ERR_SYNTAX);
	buf_append_char(&why, '\0');
	assert_string_equal(why.base, wanted);
	buf_release(&why);
}

static void messages_of_every_type_go_there_and_back(void **state)
{
	check_returns("{\"type\":\"hello\",\"version\":1,\"agent\":\"adit/0.1.0\","
		      "\"client\":\"a_-Z9\",\"resume\":true,\"window\":65536}\n");
	check_returns(
		"{\"type\":\"hello\",\"version\":1,\"client\":\"a\",\"process\":\"b_-Z9\"}\n");
	check_returns("{\"type\":\"hello\",\"version\":1}\n");
	check_returns("{\"type\":\"register\",\"tunnel\":1,\"proto\":\"http\","
		      "\"subdomain\":\"demo\"}\n");
	check_returns("{\"type\":\"register\",\"tunnel\":2147483647,\"proto\":\"tcp\","
		      "\"port\":40000,\"share\":true}\n");
	check_returns("{\"type\":\"unregister\",\"tunnel\":1}\n");
	check_returns("{\"type\":\"failed\",\"stream\":6,\"code\":\"local-refused\","
		      "\"message\":\"connect to 127.0.0.1:3000: connection refused\"}\n");
	check_returns("{\"type\":\"welcome\",\"version\":1,\"relay\":\"aditd/0.1.0\","
		      "\"session\":\"00a1\",\"secret\":"
		      "\"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\","
		      "\"resume\":true,\"window\":65536,\"grace\":30,\"heartbeat\":10}\n");
	check_returns("{\"type\":\"welcome\",\"version\":1,\"session\":\"x\",\"grace\":0,"
		      "\"heartbeat\":1}\n");
	check_returns("{\"type\":\"registered\",\"tunnel\":1,\"proto\":\"http\","
		      "\"name\":\"violet-mole\",\"url\":\"https://violet-mole.example.com\"}\n");
	check_returns("{\"type\":\"registered\",\"tunnel\":1,\"proto\":\"tcp\","
		      "\"url\":\"tcp://relay.example.com:40000\",\"port\":40000}\n");
	check_returns("{\"type\":\"error\",\"tunnel\":1,\"code\":\"name-in-use\","
		      "\"message\":\"...\",\"fatal\":true}\n");
	check_returns("{\"type\":\"error\",\"code\":\"too-many-tunnels\",\"retry_after\":5}\n");
	check_returns("{\"type\":\"register\",\"tunnel\":1,\"proto\":\"http\","
		      "\"password\":\"p\xc3\xa4 ss \\u0007\\\"\",\"allow\":[\"192.0.2.0/24\","
		      "\"2001:db8::/32\"],\"deny\":[\"192.0.2.7\"],"
		      "\"verify\":{\"scheme\":\"stripe\",\"secret\":\"whsec_a b\"}}\n");
	check_returns("{\"type\":\"registered\",\"tunnel\":1,\"proto\":\"http\","
		      "\"url\":\"https://a.example.com\",\"protected\":true}\n");
	check_returns("{\"type\":\"welcome\",\"version\":1,\"session\":\"x\",\"grace\":0,"
		      "\"heartbeat\":1,\"account\":\"ann\",\"plan\":\"team\"}\n");
	check_returns("{\"type\":\"welcome\",\"version\":1,\"session\":\"x\",\"grace\":0,"
		      "\"heartbeat\":1,\"max_head\":65536,\"max_fields\":100}\n");
	check_returns("{\"type\":\"closed\",\"tunnel\":1}\n");
	check_returns("{\"type\":\"notice\",\"code\":\"draining\",\"message\":\"bye\"}\n");
}

static void members_of_other_types_stay_zero(void **state)
{
	struct control c = read_line("{\"type\":\"unregister\",\"tunnel\":7,\"stream\":9,"
				     "\"secret\":5,\"message\":\"x\",\"odd\":[{}],\"fatal\":true}");

	assert_int_equal(c.type, CONTROL_UNREGISTER);
	assert_int_equal(c.tunnel, 7);
	assert_int_equal(c.stream, 0);
	assert_null(c.message);
	assert_false(c.fatal);
	control_deinit(&c);
}

static void unknown_types_are_told_apart_from_bad_ones(void **state)
{
	struct control c = read_line("{\"tunnel\":-1,\"type\":\"tomorrow\"}");

	assert_int_equal(c.type, CONTROL_UNKNOWN);
	c = read_line("{\"type\":\"\"}");
	assert_int_equal(c.type, CONTROL_UNKNOWN);
}

static void null_is_as_good_as_absent(void **state)
{
	struct control c = read_line("{\"type\":\"register\",\"tunnel\":1,\"proto\":\"tcp\","
				     "\"port\":null,\"subdomain\":null,\"share\":false}");

	assert_int_equal(c.port, 0);
	assert_null(c.subdomain);
	control_deinit(&c);
	check_refused("{\"type\":\"closed\",\"tunnel\":null}",
		"The message \"closed\" needs the member \"tunnel\".");
}

static void what_is_no_message_is_refused(void **state)
{
	static const char *const bad[] = {"", " ", "[]", "{", "1", "\"hello\"", "{}{}", "{\"a\"}",
		"{\"type\":\"hello\",\"type\":\"hello\"}", "{\"type\":\"\\u0000\"}",
		"{\"type\":\"\xff\"}", "\xef\xbb\xbf{}", "{\"type\":\"hello\",\"version\":1e999}"};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		check_refused(bad[i], "A line must be a JSON object.");
	check_refused("{}", "A message needs the member \"type\".");
	check_refused("{\"type\":1}", "A message needs the member \"type\".");
	check_refused("{\"type\":null}", "A message needs the member \"type\".");
}

static void values_out_of_bounds_are_refused(void **state)
{
	static const struct {
		const char *member;
		const char *line;
	} bad[] = {
		{"version", "{\"type\":\"hello\",\"version\":-1}"},
		{"version", "{\"type\":\"hello\",\"version\":4294967296}"},
		{"version", "{\"type\":\"hello\",\"version\":1.0}"},
		{"version", "{\"type\":\"hello\",\"version\":\"1\"}"},
		{"client", "{\"type\":\"hello\",\"version\":1,\"client\":\"\"}"},
		{"client", "{\"type\":\"hello\",\"version\":1,\"client\":\"a b\"}"},
		{"client", "{\"type\":\"hello\",\"version\":1,\"client\":1}"},
		{"resume", "{\"type\":\"hello\",\"version\":1,\"resume\":1}"},
		{"window", "{\"type\":\"hello\",\"version\":1,\"window\":16383}"},
		{"window", "{\"type\":\"hello\",\"version\":1,\"window\":1048577}"},
		{"tunnel", "{\"type\":\"register\",\"tunnel\":0,\"proto\":\"http\"}"},
		{"tunnel", "{\"type\":\"register\",\"tunnel\":2147483648,\"proto\":\"http\"}"},
		{"proto", "{\"type\":\"register\",\"tunnel\":1,\"proto\":\"udp\"}"},
		{"proto", "{\"type\":\"register\",\"tunnel\":1,\"proto\":0}"},
		{"port", "{\"type\":\"register\",\"tunnel\":1,\"proto\":\"tcp\",\"port\":0}"},
		{"port", "{\"type\":\"register\",\"tunnel\":1,\"proto\":\"tcp\",\"port\":65536}"},
		{"code", "{\"type\":\"failed\",\"stream\":1,\"code\":\"a\\nb\"}"},
		{"secret",
			"{\"type\":\"welcome\",\"version\":1,\"session\":\"a\",\"secret\":\"ab\","
			"\"grace\":1,\"heartbeat\":1}"},
		{"password", HTTP "\"password\":\"abc\"}"},
		{"password", HTTP "\"password\":1234}"},
		{"allow", HTTP "\"allow\":\"192.0.2.0/24\"}"},
		{"allow", HTTP "\"allow\":[\"\"]}"},
		{"allow", HTTP "\"allow\":[1]}"},
		{"allow", HTTP "\"allow\":[\"192.0.2.0/24 192.0.2.7\"]}"},
		{"deny", HTTP "\"deny\":[\"example.com\"]}"},
		{"deny", HTTP "\"deny\":[[]]}"},
		{"verify", HTTP "\"verify\":\"stripe\"}"},
		{"verify", HTTP "\"verify\":{}}"},
		{"verify", HTTP "\"verify\":{\"scheme\":\"stripe\"}}"},
		{"verify", HTTP "\"verify\":{\"scheme\":\"a b\",\"secret\":\"x\"}}"},
		{"verify", HTTP "\"verify\":{\"scheme\":\"slack\",\"secret\":\"\"}}"},
		{"verify", HTTP "\"verify\":{\"scheme\":\"slack\",\"secret\":[]}}"},
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct buf why = {0};
		struct control c;

		assert_int_equal(control_read(slice_from_str(bad[i].line), &c, &why), ERR_SYNTAX);
		buf_append_char(&why, '\0');
		assert_non_null(strstr(why.base, bad[i].member));
		assert_non_null(strstr(why.base, "has a bad value."));
		buf_release(&why);
	}
}

static void a_token_may_have_256_letters(void **state)
{
	struct buf line = {0}, why = {0};
	struct control c;
	char token[258];

	memset(token, 'a', sizeof(token));
	buf_printf(&line, "{\"type\":\"hello\",\"version\":1,\"client\":\"%.256s\"}", token);
	assert_int_equal(control_read(buf_slice(&line), &c, &why), 0);
	assert_int_equal(strlen(c.client), 256);
	control_deinit(&c);
	buf_clear(&line);
	buf_printf(&line, "{\"type\":\"hello\",\"version\":1,\"client\":\"%.257s\"}", token);
	assert_int_equal(control_read(buf_slice(&line), &c, &why), ERR_SYNTAX);
	buf_release(&line);
	buf_release(&why);
}

static void a_line_may_have_16_kib_with_its_end(void **state)
{
	struct buf line = {0}, why = {0};
	struct control c;

	buf_append_str(&line, "{\"type\":\"closed\",\"tunnel\":1}");
	while (buf_len(&line) < CONTROL_LINE_MAX - 1)
		buf_append_char(&line, ' ');
	assert_int_equal(control_read(buf_slice(&line), &c, &why), 0);
	buf_append_char(&line, ' ');
	assert_int_equal(control_read(buf_slice(&line), &c, &why), ERR_SYNTAX);
	buf_release(&line);
	buf_release(&why);
}

static void a_password_has_4_to_128_bytes(void **state)
{
	char text[130];

	memset(text, 'p', sizeof(text));
	for (size_t len = 3; len < sizeof(text); len++) {
		struct buf line = {0}, why = {0};
		struct control c;
		bool fits = len >= 4 && len <= 128;

		buf_printf(&line, HTTP "\"password\":\"%.*s\"}", (int)len, text);
		assert_int_equal(control_read(buf_slice(&line), &c, &why), fits ? 0 : ERR_SYNTAX);
		if (fits)
			assert_int_equal(strlen(c.password), len);
		control_deinit(&c);
		buf_release(&line);
		buf_release(&why);
	}
}

static void a_list_has_at_most_64_networks(void **state)
{
	for (size_t count = 0; count <= 65; count++) {
		struct buf line = {0}, why = {0};
		struct control c;

		buf_append_str(&line, HTTP "\"allow\":[");
		for (size_t i = 0; i < count; i++)
			buf_printf(&line, "%s\"192.0.2.%zu\"", i ? "," : "", i);
		buf_append_str(&line, "]}");
		assert_int_equal(
			control_read(buf_slice(&line), &c, &why), count <= 64 ? 0 : ERR_SYNTAX);
		assert_true((c.allow != NULL) == (count && count <= 64));
		control_deinit(&c);
		buf_release(&line);
		buf_release(&why);
	}
}

/* A line that comes in pieces is put together by its reader; no beginning of one is a message. */
static void no_beginning_of_a_message_is_one(void **state)
{
	struct slice line = SLICE(HTTP "\"password\":\"hunter22\",\"allow\":[\"::/0\"],"
				       "\"verify\":{\"scheme\":\"slack\",\"secret\":\"s\"}}");

	for (size_t len = 0; len < line.len; len++) {
		struct buf why = {0};
		struct control c;

		assert_int_equal(control_read(slice_first(line, len), &c, &why), ERR_SYNTAX);
		assert_null(c.password);
		buf_release(&why);
	}
}

static void texts_lose_their_control_characters(void **state)
{
	struct control c = read_line("{\"type\":\"notice\",\"code\":\"x\","
				     "\"message\":\"a\\u001b[2J\\n\\u007f\xc3\xa4\"}");

	assert_string_equal(c.message, "a [2J  \xc3\xa4");
	control_deinit(&c);
}

static void texts_that_are_not_utf_8_can_be_written(void **state)
{
	struct control c = {.type = CONTROL_NOTICE, .code = "x", .message = "a\xff\"b"};

	check_written(&c, "{\"type\":\"notice\",\"code\":\"x\",\"message\":\"a?\\\"b\"}\n");
}

static void long_texts_are_cut(void **state)
{
	struct control c = {.type = CONTROL_NOTICE, .code = "x"}, again;
	struct buf line = {0}, why = {0};
	char text[20000];

	memset(text, 1, sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	c.message = text;
	control_write(&line, &c);
	assert_true(buf_len(&line) <= CONTROL_LINE_MAX);
	assert_int_equal(control_read(slice_trim_lines(buf_slice(&line)), &again, &why), 0);
	assert_int_equal(strlen(again.message), 1024);
	control_deinit(&again);
	buf_release(&line);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_of_every_type_go_there_and_back),
		cmocka_unit_test(members_of_other_types_stay_zero),
		cmocka_unit_test(unknown_types_are_told_apart_from_bad_ones),
		cmocka_unit_test(null_is_as_good_as_absent),
		cmocka_unit_test(what_is_no_message_is_refused),
		cmocka_unit_test(values_out_of_bounds_are_refused),
		cmocka_unit_test(a_token_may_have_256_letters),
		cmocka_unit_test(a_line_may_have_16_kib_with_its_end),
		cmocka_unit_test(a_password_has_4_to_128_bytes),
		cmocka_unit_test(a_list_has_at_most_64_networks),
		cmocka_unit_test(no_beginning_of_a_message_is_one),
		cmocka_unit_test(texts_lose_their_control_characters),
		cmocka_unit_test(texts_that_are_not_utf_8_can_be_written),
		cmocka_unit_test(long_texts_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
