/* JSON bodies, byte for byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "relay/api_body.h"

static void check(struct buf *out, const char *expected)
{
	buf_append_char(out, '\0');
	assert_string_equal(buf_slice(out).ptr, expected);
	buf_release(out);
}

static void a_tunnel_has_four_members_in_this_order(void **state)
{
	struct buf out = {0};

	api_body_tunnel(&out,
		&(struct api_body_tunnel) {.id = SLICE("my-app"),
			.url = SLICE("http://my-app.a.test"),
			.port = 40123,
			.max_conn_count = 10});
	check(&out,
		"{\"id\":\"my-app\",\"port\":40123,\"max_conn_count\":10,"
		"\"url\":\"http://my-app.a.test\"}");
}

static void refusals_have_the_words_that_clients_know(void **state)
{
	struct buf out = {0};

	api_body_message(&out, SLICE(API_BODY_INVALID_NAME));
	check(&out,
		"{\"message\":\"Invalid subdomain. Subdomains must be lowercase and between 4 "
		"and 63 alphanumeric characters.\"}");
	api_body_error(&out, SLICE(API_BODY_AUTH_FAILED), SLICE("Missing X-Nonce header"));
	check(&out, "{\"error\":\"Authentication failed\",\"message\":\"Missing X-Nonce header\"}");
	api_body_reserved(&out, SLICE("my-app"), 25);
	check(&out,
		"{\"error\":\"Subdomain reserved\",\"message\":\"Subdomain \\\"my-app\\\" is "
		"reserved by another client. Try again in 25s or use a different "
		"subdomain.\"}");
	api_body_in_use(&out, SLICE("my-app"));
	check(&out,
		"{\"error\":\"Subdomain reserved\",\"message\":\"Subdomain \\\"my-app\\\" is in "
		"use by another client.\"}");
}

static void nobody_is_told_to_come_back_in_zero_seconds(void **state)
{
	struct buf out = {0};

	api_body_reserved(&out, SLICE("abcd"), 0);
	check(&out,
		"{\"error\":\"Subdomain reserved\",\"message\":\"Subdomain \\\"abcd\\\" is "
		"reserved by another client. Try again in 1s or use a different "
		"subdomain.\"}");
}

static void text_cannot_leave_its_string(void **state)
{
	struct buf out = {0};

	api_body_error(&out, SLICE("a\"b"), SLICE("\"}\n<\xff"));
	check(&out, "{\"error\":\"a\\\"b\",\"message\":\"\\\"}\\n<\\ufffd\"}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tunnel_has_four_members_in_this_order),
		cmocka_unit_test(refusals_have_the_words_that_clients_know),
		cmocka_unit_test(nobody_is_told_to_come_back_in_zero_seconds),
		cmocka_unit_test(text_cannot_leave_its_string),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
