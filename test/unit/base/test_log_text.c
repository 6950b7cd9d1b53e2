/* Escaping: a table of the hostile, every byte and every pair of bytes, and cutting at the limit.
 */
#include "base/log_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "base/attr.h"

static char out[LOG_TEXT_ROOM + 1];

static const char *json(struct slice value)
{
	*log_text_json(out, value) = '\0';
	return out;
}

static const char *plain(struct slice value)
{
	*log_text_plain(out, value) = '\0';
	return out;
}

static void values_are_escaped_by_the_table(void **state)
{
	static const struct {
		struct slice value;
		const char *json, *plain;
	} cases[] = {
		{SLICE(""), "\"\"", "\"\""},
		{SLICE("abc"), "\"abc\"", "abc"},
		{SLICE("/a?b=c&d"), "\"/a?b=c&d\"", "/a?b=c&d"},
		{SLICE("a b"), "\"a b\"", "\"a b\""},
		{SLICE("12345678 long enough"), "\"12345678 long enough\"",
			"\"12345678 long enough\""},
		{SLICE("a\"b"), "\"a\\\"b\"", "\"a\\\"b\""},
		{SLICE("a\\b"), "\"a\\\\b\"", "\"a\\\\b\""},
		{SLICE("a\r\nb"), "\"a\\r\\nb\"", "\"a\\r\\nb\""},
		{SLICE("\t"), "\"\\t\"", "\"\\t\""},
		{SLICE("\0"), "\"\\u0000\"", "\"\\u0000\""},
		{SLICE("\033[31m"), "\"\\u001b[31m\"", "\"\\u001b[31m\""},
		{SLICE("\x7f"), "\"\\u007f\"", "\"\\u007f\""},
		{SLICE("k\u00e4se \u20ac \U0001F600"), "\"k\u00e4se \u20ac \U0001F600\"",
			"\"k\u00e4se \u20ac \U0001F600\""},
		/* CSI as one rune, and as one byte */
		{SLICE("\xc2\x9b"), "\"\\u009b\"", "\"\\u009b\""},
		{SLICE("\x9b"), "\"\\ufffd\"", "\"\\x9b\""},
		/* line separator, right-to-left override */
		{SLICE("\xe2\x80\xa8"), "\"\\u2028\"", "\"\\u2028\""},
		{SLICE("\xe2\x80\xae"), "\"\\u202e\"", "\"\\u202e\""},
		/* over-long, surrogate, too large, cut short, no start */
		{SLICE("\xc0\xaf"), "\"\\ufffd\\ufffd\"", "\"\\xc0\\xaf\""},
		{SLICE("\xe0\x80\x8a"), "\"\\ufffd\\ufffd\\ufffd\"", "\"\\xe0\\x80\\x8a\""},
		{SLICE("\xed\xa0\x80"), "\"\\ufffd\\ufffd\\ufffd\"", "\"\\xed\\xa0\\x80\""},
		{SLICE("\xf4\x90\x80\x80"), "\"\\ufffd\\ufffd\\ufffd\\ufffd\"",
			"\"\\xf4\\x90\\x80\\x80\""},
		{SLICE("\xe2\x82"), "\"\\ufffd\\ufffd\"", "\"\\xe2\\x82\""},
		{SLICE("\xe2\x82\n"), "\"\\ufffd\\ufffd\\n\"", "\"\\xe2\\x82\\n\""},
		{SLICE("\xff\xfe"), "\"\\ufffd\\ufffd\"", "\"\\xff\\xfe\""},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_string_equal(json(cases[i].value), cases[i].json);
		assert_string_equal(plain(cases[i].value), cases[i].plain);
	}
}

/* What no line may hold, whatever a value holds. */
static void assert_harmless(const char *text)
{
	for (size_t i = 0; text[i]; i++) {
		assert_true((unsigned char)text[i] >= 0x20 && text[i] != 0x7f);
		/* An eight-bit control is one only behind its lead byte, or alone. */
		assert_false((unsigned char)text[i] == 0xc2 && (unsigned char)text[i + 1] < 0xa0);
	}
}

static void no_byte_at_any_place_gets_through_raw(void **state)
{
	char value[24];

	for (int c = 0; c < 256; c++) {
		for (size_t len = 1; len <= sizeof(value); len++) {
			size_t at = (size_t)(c * 31) % len;

			memset(value, 'a', sizeof(value));
			value[at] = (char)c;
			assert_harmless(json(slice_of(value, len)));
			assert_harmless(plain(slice_of(value, len)));
			if (c >= 0x80)
				assert_non_null(strstr(json(slice_of(value, len)), "\\ufffd"));
		}
	}
}

static void clean_bytes_stay_as_they_are(void **state)
{
	for (size_t len = 1; len < 64; len++) {
		char value[64];

		for (size_t i = 0; i < len; i++)
			value[i] = "!#~azAZ09/[]^_{}-+=&?%"[(size_t)random() % 22];
		value[len] = '\0';
		assert_string_equal(plain(slice_of(value, len)), value);
		assert_int_equal(strlen(json(slice_of(value, len))), len + 2);
		assert_memory_equal(out + 1, value, len);
	}
}

static void random_bytes_stay_harmless(void **state)
{
	char value[700];

	srandom(5);
	for (int round = 0; round < 20000; round++) {
		size_t len = (size_t)random() % (round % 10 ? 20 : sizeof(value));

		for (size_t i = 0; i < len; i++)
			value[i] = (char)random();
		assert_harmless(json(slice_of(value, len)));
		assert_true(strlen(out) <= LOG_TEXT_ROOM);
		assert_harmless(plain(slice_of(value, len)));
		assert_true(strlen(out) <= LOG_TEXT_ROOM);
	}
}

static void a_value_at_the_limit_is_whole_and_one_more_is_cut(void **state)
{
	char value[LOG_TEXT_CUT + 1];

	memset(value, 'a', sizeof(value));
	assert_int_equal(strlen(plain(slice_of(value, LOG_TEXT_CUT))), LOG_TEXT_CUT);
	assert_int_equal(strlen(json(slice_of(value, LOG_TEXT_CUT))), LOG_TEXT_CUT + 2);
	json(slice_of(value, LOG_TEXT_CUT + 1));
	assert_int_equal(strlen(out), LOG_TEXT_CUT + 2 + 3);
	assert_string_equal(out + LOG_TEXT_CUT, "a\u2026\"");
	plain(slice_of(value, LOG_TEXT_CUT + 1));
	assert_string_equal(out + LOG_TEXT_CUT, "a\u2026\"");
}

static void the_longest_value_fits_its_room(void **state)
{
	char value[65536];

	memset(value, '\x01', sizeof(value));
	assert_int_equal(strlen(json(slice_of(value, sizeof(value)))), LOG_TEXT_ROOM);
	assert_int_equal(strlen(plain(slice_of(value, sizeof(value)))), LOG_TEXT_ROOM);
	memset(value, '\xff', sizeof(value));
	assert_int_equal(strlen(json(slice_of(value, sizeof(value)))), LOG_TEXT_ROOM);
}

static void a_cut_does_not_split_a_rune(void **state)
{
	char value[LOG_TEXT_CUT + 8];

	for (size_t shift = 0; shift < 5; shift++) {
		memset(value, 'a', sizeof(value));
		memcpy(value + LOG_TEXT_CUT - shift, "\U0001F600", 4);
		json(slice_of(value, sizeof(value)));
		assert_null(strstr(out, "\\ufffd"));
		assert_non_null(strstr(out, "\u2026\""));
		assert_int_equal(strstr(out, "\U0001F600") != NULL, shift >= 4);
	}
}

static void a_sentence_is_escaped_without_quotes(void **state)
{
	*log_text_bare(out, SLICE("two words\n\xff")) = '\0';
	assert_string_equal(out, "two words\\n\\xff");
}

static void times_are_utc_in_json_and_short_on_terminals(void **state)
{
	struct log_text_clock utc = {0}, local = {0};

	setenv("TZ", "UTC", 1);
	*log_text_time_utc(&utc, out, 0) = '\0';
	assert_string_equal(out, "1970-01-01T00:00:00.000Z");
	*log_text_time_utc(&utc, out, 1795168800123u) = '\0';
	assert_string_equal(out, "2026-11-20T10:00:00.123Z");
	*log_text_time_utc(&utc, out, 1795168800999u) = '\0';
	assert_string_equal(out, "2026-11-20T10:00:00.999Z");
	*log_text_time_utc(&utc, out, 1795168801000u) = '\0';
	assert_string_equal(out, "2026-11-20T10:00:01.000Z");
	*log_text_time_utc(&utc, out, 1795168800007u) = '\0';
	assert_string_equal(out, "2026-11-20T10:00:00.007Z");
	*log_text_time_local(&local, out, 1795168800045u) = '\0';
	assert_string_equal(out, "10:00:00.045");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_escaped_by_the_table),
		cmocka_unit_test(no_byte_at_any_place_gets_through_raw),
		cmocka_unit_test(clean_bytes_stay_as_they_are),
		cmocka_unit_test(random_bytes_stay_harmless),
		cmocka_unit_test(a_value_at_the_limit_is_whole_and_one_more_is_cut),
		cmocka_unit_test(the_longest_value_fits_its_room),
		cmocka_unit_test(a_cut_does_not_split_a_rune),
		cmocka_unit_test(a_sentence_is_escaped_without_quotes),
		cmocka_unit_test(times_are_utc_in_json_and_short_on_terminals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
