/* Who a request comes from, by token or by address. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "relay/identity.h"
#include "support/request_text.h"

#define HEAD "GET /myapp HTTP/1.1\r\nHost: a.test\r\n"
#define TEN "abcdefghij"
#define FIFTY TEN TEN TEN TEN TEN
#define CHARS_250 FIFTY FIFTY FIFTY FIFTY FIFTY

struct row {
	const char *request;
	bool trust_proxy;
	enum identity_kind kind;
	const char *text;
	bool bad_token;
};

static const struct row rows[] = {
	{HEAD "\r\n", false, IDENTITY_IP, "192.0.2.1", false},
	{HEAD "\r\n", true, IDENTITY_IP, "192.0.2.1", false},
	/* proxies */
	{HEAD "X-Forwarded-For: 198.51.100.7\r\n\r\n", false, IDENTITY_IP, "192.0.2.1", false},
	{HEAD "X-Forwarded-For: 198.51.100.7\r\n\r\n", true, IDENTITY_IP, "198.51.100.7", false},
	{HEAD "X-Forwarded-For:  198.51.100.7 , 203.0.113.9\r\n\r\n", true, IDENTITY_IP,
		"198.51.100.7", false},
	{HEAD "X-Forwarded-For: 2001:db8::1, 10.0.0.1\r\n\r\n", true, IDENTITY_IP, "2001:db8::1",
		false},
	{HEAD "X-Forwarded-For: unknown\r\nX-Real-IP: 198.51.100.8\r\n\r\n", true, IDENTITY_IP,
		"unknown", false},
	{HEAD "X-Forwarded-For: 198.51.100.7\r\nX-Forwarded-For: 203.0.113.9\r\n\r\n", true,
		IDENTITY_IP, "198.51.100.7", false},
	{HEAD "X-Real-IP: 198.51.100.8\r\n\r\n", true, IDENTITY_IP, "198.51.100.8", false},
	{HEAD "X-Real-IP: 198.51.100.8\r\n\r\n", false, IDENTITY_IP, "192.0.2.1", false},
	{HEAD "X-Forwarded-For:\r\nX-Real-IP: 198.51.100.8\r\n\r\n", true, IDENTITY_IP,
		"198.51.100.8", false},
	{HEAD "X-Forwarded-For: ,\r\n\r\n", true, IDENTITY_IP, "192.0.2.1", false},
	{HEAD "X-Forwarded-For: " CHARS_250 TEN "\r\n\r\n", true, IDENTITY_IP, "192.0.2.1", false},
	/* tokens */
	{HEAD "X-LT-Client-Token: my-Token_1\r\n\r\n", false, IDENTITY_TOKEN, "my-Token_1", false},
	{HEAD "x-lt-client-token: \t padded \t\r\n\r\n", false, IDENTITY_TOKEN, "padded", false},
	{HEAD "X-LT-Client-Token: a\r\nX-Forwarded-For: 198.51.100.7\r\n\r\n", true, IDENTITY_TOKEN,
		"a", false},
	{HEAD "X-LT-Client-Token: " CHARS_250 "abcdef\r\n\r\n", false, IDENTITY_TOKEN,
		CHARS_250 "abcdef", false},
	{HEAD "X-LT-Client-Token: " CHARS_250 "abcdefg\r\n\r\n", false, IDENTITY_IP, "192.0.2.1",
		true},
	{HEAD "X-LT-Client-Token:\r\n\r\n", false, IDENTITY_IP, "192.0.2.1", false},
	{HEAD "X-LT-Client-Token: token with spaces\r\n\r\n", false, IDENTITY_IP, "192.0.2.1",
		true},
	{HEAD "X-LT-Client-Token: token@email\r\n\r\n", false, IDENTITY_IP, "192.0.2.1", true},
	{HEAD "X-LT-Client-Token: t\xc3\xb6ken\r\n\r\n", false, IDENTITY_IP, "192.0.2.1", true},
	{HEAD "X-LT-Client-Token: a\r\nX-LT-Client-Token: b\r\n\r\n", false, IDENTITY_IP,
		"192.0.2.1", true},
	{HEAD "X-LT-Client-Token: a,b\r\nX-Real-IP: 198.51.100.8\r\n\r\n", true, IDENTITY_IP,
		"198.51.100.8", true},
};

static void the_identity_is_the_token_else_the_address(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct http_head head;
		struct identity identity;
		bool bad_token;

		request_text_parse(&head, rows[i].request);
		identity = identity_of_request(
			&head, SLICE("192.0.2.1"), rows[i].trust_proxy, &bad_token);
		if (!identity_eq(identity,
			    (struct identity) {rows[i].kind, slice_from_str(rows[i].text)}) ||
			bad_token != rows[i].bad_token)
			fail_msg("%s -> %d %.*s %d", rows[i].request, identity.kind,
				SLICE_ARG(identity.text), bad_token);
	}
}

static void the_warning_about_a_bad_token_may_be_left_out(void **state)
{
	struct http_head head;

	request_text_parse(&head, HEAD "X-LT-Client-Token: !\r\n\r\n");
	assert_int_equal(
		identity_of_request(&head, SLICE("192.0.2.1"), false, NULL).kind, IDENTITY_IP);
}

static void kind_and_text_must_both_match(void **state)
{
	struct identity ip = {IDENTITY_IP, SLICE("abc")};

	assert_true(identity_eq(ip, (struct identity) {IDENTITY_IP, SLICE("abc")}));
	assert_false(identity_eq(ip, (struct identity) {IDENTITY_TOKEN, SLICE("abc")}));
	assert_false(identity_eq(ip, (struct identity) {IDENTITY_IP, SLICE("Abc")}));
	assert_false(identity_eq(ip, (struct identity) {IDENTITY_IP, SLICE("abcd")}));
	assert_false(identity_eq(ip, (struct identity) {IDENTITY_IP, {NULL, 0}}));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_identity_is_the_token_else_the_address),
		cmocka_unit_test(the_warning_about_a_bad_token_may_be_left_out),
		cmocka_unit_test(kind_and_text_must_both_match),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
