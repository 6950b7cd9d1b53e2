/* Text from anywhere, made harmless for HTML and JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "relay/escape.h"

struct row {
	struct slice text;
	const char *html;
	const char *json;
};

static const struct row rows[] = {
	{{NULL, 0}, "", ""},
	{{"plain text", 10}, "plain text", "plain text"},
	{{"<script>\"&'", 11}, "&lt;script&gt;&quot;&amp;&#39;", "<script>\\\"&'"},
	{{"a\\b", 3}, "a\\b", "a\\\\b"},
	{{"\n\t\x1b\x7f", 4}, "\n\t\x1b\x7f", "\\n\\u0009\\u001b\\u007f"},
	{{"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 9}, "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80",
		"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"},
	{{"\xff|\xc3", 3}, "\xff|\xc3", "\\ufffd|\\ufffd"},
	{{"\xc0\xaf", 2}, "\xc0\xaf", "\\ufffd\\ufffd"},
	{{"\xed\xa0\x80", 3}, "\xed\xa0\x80", "\\ufffd\\ufffd\\ufffd"},
	{{"\xe0\x80\x80", 3}, "\xe0\x80\x80", "\\ufffd\\ufffd\\ufffd"},
	{{"\xf4\x90\x80\x80", 4}, "\xf4\x90\x80\x80", "\\ufffd\\ufffd\\ufffd\\ufffd"},
	{{"\xf0\x8f\xbf\xbf", 4}, "\xf0\x8f\xbf\xbf", "\\ufffd\\ufffd\\ufffd\\ufffd"},
	{{"\xe2\x82\x22", 3}, "\xe2\x82&quot;", "\\ufffd\\ufffd\\\""},
};

static void each_format_has_its_own_dangerous_bytes(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct buf html = {0}, json = {0};

		escape_html(&html, rows[i].text);
		escape_json(&json, rows[i].text);
		if (!slice_eq(buf_slice(&html), slice_from_str(rows[i].html)) ||
			!slice_eq(buf_slice(&json), slice_from_str(rows[i].json)))
			fail_msg("row %zu: %.*s %.*s", i, SLICE_ARG(buf_slice(&html)),
				SLICE_ARG(buf_slice(&json)));
		buf_release(&html);
		buf_release(&json);
	}
}

static void a_nul_byte_stays_one_byte_of_text(void **state)
{
	struct buf json = {0};

	escape_json(&json, slice_of("a\0b", 3));
	assert_true(slice_eq(buf_slice(&json), SLICE("a\\u0000b")));
	buf_release(&json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_format_has_its_own_dangerous_bytes),
		cmocka_unit_test(a_nul_byte_stays_one_byte_of_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
