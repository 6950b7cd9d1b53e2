/* What stands in Forwarded, and how it is quoted. */
#include "relay/exchange_forwarded.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "support/request_text.h"

static void check(struct exchange_forwarded f, const char *expected)
{
	struct buf out = {0};

	if (!f.peer.len)
		f.peer = SLICE("192.0.2.7");
	if (!f.host.ptr)
		f.host = SLICE("a.test");
	if (!f.proto.len)
		f.proto = SLICE("http");
	exchange_forwarded_write(&out, &f);
	buf_append_char(&out, '\0');
	assert_string_equal(buf_slice(&out).ptr, expected);
	buf_release(&out);
}

static void values_are_quoted_where_they_must_be(void **state)
{
	check((struct exchange_forwarded) {.proto = SLICE("https")},
		"Forwarded: for=192.0.2.7;host=a.test;proto=https\r\n");
	check((struct exchange_forwarded) {.host = SLICE("a.test:8080")},
		"Forwarded: for=192.0.2.7;host=\"a.test:8080\";proto=http\r\n");
	check((struct exchange_forwarded) {.peer = SLICE("2001:db8::1"), .host = SLICE("[::1]")},
		"Forwarded: for=\"[2001:db8::1]\";host=\"[::1]\";proto=http\r\n");
	check((struct exchange_forwarded) {.host = SLICE("")},
		"Forwarded: for=192.0.2.7;proto=http\r\n");
}

/* What a proxy that is believed has let through is still no part of our syntax. */
static void odd_values_break_out_of_nothing(void **state)
{
	char host[300];

	memset(host, 'a', sizeof(host));
	check((struct exchange_forwarded) {.host = SLICE("a\";for=1,\\b")},
		"Forwarded: for=192.0.2.7;host=\"a\\\";for=1,\\\\b\";proto=http\r\n");
	check((struct exchange_forwarded) {.proto = SLICE("http;for=1")},
		"Forwarded: for=192.0.2.7;host=a.test\r\n");
	check((struct exchange_forwarded) {.host = slice_of(host, 256)},
		"Forwarded: for=192.0.2.7;proto=http\r\n");
}

/* fields: of the proxy, without those of the rest of the head. */
static void check_behind_proxy(const char *fields, const char *expected)
{
	static struct http_head head;
	struct buf text = {0};

	buf_printf(&text, "GET / HTTP/1.1\r\nHost: a.test\r\n%s\r\n", fields);
	buf_append_char(&text, '\0');
	request_text_parse(&head, buf_slice(&text).ptr);
	check((struct exchange_forwarded) {.head = &head}, expected);
	buf_release(&text);
}

static void what_a_proxy_has_said_goes_on(void **state)
{
	check_behind_proxy("", "Forwarded: for=192.0.2.7;host=a.test;proto=http\r\n");
	check_behind_proxy("Forwarded: for=1\r\nforwarded:\r\nForwarded: for=2;by=x\r\n"
			   "X-Forwarded-For: 10.0.0.1\r\n",
		"Forwarded: for=1, for=2;by=x, for=192.0.2.7\r\n");
	check_behind_proxy("X-Forwarded-For: 10.0.0.1, 2001:db8::2 ,, [2001:db8::3]\r\n"
			   "X-Forwarded-For: 10.0.0.4:51234,[2001:db8::5]:443\r\nForwarded:\r\n",
		"Forwarded: for=10.0.0.1;host=a.test;proto=http, for=\"[2001:db8::2]\", "
		"for=\"[2001:db8::3]\", for=\"10.0.0.4:51234\", for=\"[2001:db8::5]:443\", "
		"for=192.0.2.7\r\n");
	check_behind_proxy("X-Forwarded-For: unknown, a.test, 1\";x, ::1::, 10.0.0.256\r\n",
		"Forwarded: for=unknown;host=a.test;proto=http, for=unknown, for=unknown, "
		"for=unknown, for=unknown, for=192.0.2.7\r\n");
	check_behind_proxy(
		"X-Forwarded-For: ,\r\n", "Forwarded: for=192.0.2.7;host=a.test;proto=http\r\n");
}

static void a_long_list_is_not_translated(void **state)
{
	struct buf fields = {0};

	for (unsigned len = 1024; len <= 1025; len++) {
		static struct http_head head;
		struct buf out = {0};

		buf_clear(&fields);
		buf_printf(&fields,
			"GET / HTTP/1.1\r\nHost: a.test\r\nX-Forwarded-For: %0*d\r\n\r\n", (int)len,
			1);
		buf_append_char(&fields, '\0');
		request_text_parse(&head, buf_slice(&fields).ptr);
		exchange_forwarded_write(&out,
			&(struct exchange_forwarded) {.head = &head, .peer = SLICE("192.0.2.7")});
		if (len == 1024)
			assert_true(slice_ends(buf_slice(&out), SLICE("for=192.0.2.7\r\n")));
		else
			assert_int_equal(buf_len(&out), 0);
		buf_release(&out);
	}
	buf_release(&fields);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_quoted_where_they_must_be),
		cmocka_unit_test(odd_values_break_out_of_nothing),
		cmocka_unit_test(what_a_proxy_has_said_goes_on),
		cmocka_unit_test(a_long_list_is_not_translated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
