/* The header of the PROXY protocol against byte strings made by hand from its description. */
#include "proto/proxy_header.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define SIGNATURE "\x0d\x0a\x0d\x0a\x00\x0d\x0a\x51\x55\x49\x54\x0a"
#define ZERO4 "\x00\x00\x00\x00"
#define MAPPED ZERO4 ZERO4 "\x00\x00\xff\xff"

struct row {
	const char *visitor;
	uint16_t visitor_port;
	const char *public_address;
	uint16_t public_port;
	const char *text;
	struct slice binary;
};

static const struct row rows[] = {
	{"203.0.113.9", 51234, "198.51.100.1", 443,
		"PROXY TCP4 203.0.113.9 198.51.100.1 51234 443\r\n",
		{SIGNATURE "\x21\x11\x00\x0c\xcb\x00\x71\x09\xc6\x33\x64\x01\xc8\x22\x01\xbb", 28}},
	{"2001:db8::9", 1, "2001:db8::1", 65535, "PROXY TCP6 2001:db8::9 2001:db8::1 1 65535\r\n",
		{SIGNATURE "\x21\x21\x00\x24"
			   "\x20\x01\x0d\xb8" ZERO4 ZERO4 "\x00\x00\x00\x09"
			   "\x20\x01\x0d\xb8" ZERO4 ZERO4 "\x00\x00\x00\x01"
			   "\x00\x01\xff\xff",
			52}},
	{"203.0.113.9", 5, "2001:db8::1", 6, "PROXY TCP6 ::ffff:203.0.113.9 2001:db8::1 5 6\r\n",
		{SIGNATURE "\x21\x21\x00\x24" MAPPED "\xcb\x00\x71\x09"
			   "\x20\x01\x0d\xb8" ZERO4 ZERO4 "\x00\x00\x00\x01"
			   "\x00\x05\x00\x06",
			52}},
	{"2001:db8::9", 5, "198.51.100.1", 6, "PROXY TCP6 2001:db8::9 ::ffff:198.51.100.1 5 6\r\n",
		{SIGNATURE "\x21\x21\x00\x24"
			   "\x20\x01\x0d\xb8" ZERO4 ZERO4 "\x00\x00\x00\x09" MAPPED
			   "\xc6\x33\x64\x01"
			   "\x00\x05\x00\x06",
			52}},
	{"203.0.113.9", 5, "", 0, "PROXY TCP4 203.0.113.9 0.0.0.0 5 0\r\n",
		{SIGNATURE "\x21\x11\x00\x0c\xcb\x00\x71\x09" ZERO4 "\x00\x05\x00\x00", 28}},
	{"::1", 0, "nowhere", 7, "PROXY TCP6 ::1 :: 0 7\r\n",
		{SIGNATURE "\x21\x21\x00\x24" ZERO4 ZERO4 ZERO4
			   "\x00\x00\x00\x01" ZERO4 ZERO4 ZERO4 ZERO4 "\x00\x00\x00\x07",
			52}},
	{"", 0, "198.51.100.1", 443, "PROXY UNKNOWN\r\n", {SIGNATURE "\x20\x00\x00\x00", 16}},
	{"[::1]", 1, "::1", 2, "PROXY UNKNOWN\r\n", {SIGNATURE "\x20\x00\x00\x00", 16}},
	{"203.0.113.9 1.1.1.1 1 1", 1, "::1", 2, "PROXY UNKNOWN\r\n",
		{SIGNATURE "\x20\x00\x00\x00", 16}},
	{"a-name-that-is-longer-than-the-longest-numeric-address.example.com", 1, "::1", 2,
		"PROXY UNKNOWN\r\n", {SIGNATURE "\x20\x00\x00\x00", 16}},
};

static struct proxy_header header_of(const struct row *row)
{
	return (struct proxy_header) {slice_from_str(row->visitor),
		slice_from_str(row->public_address), row->visitor_port, row->public_port};
}

static void version_1_is_a_line_of_text(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct proxy_header header = header_of(&rows[i]);
		struct buf out = {0};

		proxy_header_write(&out, 1, &header);
		buf_append_char(&out, '\0');
		assert_string_equal(buf_slice(&out).ptr, rows[i].text);
		buf_release(&out);
	}
}

static void version_2_is_binary(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct proxy_header header = header_of(&rows[i]);
		struct buf out = {0};

		proxy_header_write(&out, 2, &header);
		assert_int_equal(buf_len(&out), rows[i].binary.len);
		assert_memory_equal(buf_slice(&out).ptr, rows[i].binary.ptr, rows[i].binary.len);
		buf_release(&out);
	}
}

static void it_goes_behind_what_is_there(void **state)
{
	struct proxy_header header = header_of(&rows[6]);
	struct buf out = {0};

	buf_append_str(&out, "x");
	proxy_header_write(&out, 1, &header);
	assert_true(slice_eq(buf_slice(&out), SLICE("xPROXY UNKNOWN\r\n")));
	buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(version_1_is_a_line_of_text),
		cmocka_unit_test(version_2_is_binary),
		cmocka_unit_test(it_goes_behind_what_is_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
