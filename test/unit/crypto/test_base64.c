/* Base64 against the examples of RFC 4648, 10. */
#include "crypto/base64.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/buf.h"

static void known_bytes_have_their_known_text(void **state)
{
	static const struct {
		struct slice bytes;
		const char *text;
	} rows[] = {
		{{"", 0}, ""},
		{{"f", 1}, "Zg=="},
		{{"fo", 2}, "Zm8="},
		{{"foo", 3}, "Zm9v"},
		{{"foob", 4}, "Zm9vYg=="},
		{{"fooba", 5}, "Zm9vYmE="},
		{{"foobar", 6}, "Zm9vYmFy"},
		{{"\xff\xef\xbe\x00", 4}, "/+++AA=="},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct buf out = {0};

		buf_append_char(&out, '>');
		base64_append(&out, rows[i].bytes);
		buf_append_char(&out, '\0');
		assert_string_equal(buf_slice(&out).ptr + 1, rows[i].text);
		buf_release(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_bytes_have_their_known_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
