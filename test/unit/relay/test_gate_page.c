/* What visitors see of a gate. */
#include "relay/gate_page.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "proto/http_head.h"
#include "support/answer.h"
#include "support/request_text.h"

#define BROWSER "GET /a HTTP/1.1\r\nHost: demo.test\r\nAccept: text/html\r\n\r\n"
#define PROGRAM "GET /a HTTP/1.1\r\nHost: demo.test\r\nAccept: */*\r\n\r\n"
#define SCRIPT                                                                                     \
	"GET /a HTTP/1.1\r\nHost: demo.test\r\nAccept: application/json\r\n"                       \
	"Sec-Fetch-Site: same-origin\r\n\r\n"

static struct http_head request;
static struct answer answer;
static struct buf out;
static const struct slice cookie = {"c=1; Path=/", 11};

static struct gate_page page_for(const char *text)
{
	buf_release(&out);
	request_text_parse(&request, text);
	return (struct gate_page) {
		.head = &request,
		.host = SLICE("demo.test"),
		.request_id = SLICE("id"),
		.csrf = SLICE("token"),
		.back = SLICE("/a?\"><b>"),
		.cookies = &cookie,
		.cookie_count = 1,
		.keep_alive = true,
	};
}

static bool has(const char *text)
{
	return memmem(answer.body.ptr, answer.body.len, text, strlen(text)) != NULL;
}

static void refuse(const struct gate_page *page, enum visitor_error error)
{
	assert_int_equal(gate_page_refuse(&out, page, error), visitor_error_get(error)->status);
	answer_read(&answer, &out, request.method_id);
	assert_int_equal(answer.head.status, visitor_error_get(error)->status);
}

static void a_browser_sees_the_form_and_no_challenge(void **state)
{
	struct gate_page page = page_for(BROWSER);

	refuse(&page, VISITOR_ERROR_PASSWORD_REQUIRED);
	assert_null(answer_field(&answer, "WWW-Authenticate").ptr);
	assert_true(slice_eq(answer_field(&answer, "Set-Cookie"), cookie));
	assert_true(slice_eq(answer_field(&answer, "Referrer-Policy"), SLICE("same-origin")));
	assert_true(slice_starts(
		answer_field(&answer, "Content-Security-Policy"), SLICE("default-src 'none'")));
	assert_true(has("demo.test") && has("value=\"token\"") && has("/a?&quot;&gt;&lt;b&gt;"));
	assert_false(has("<b>") || has("<script") || has("not the password"));
}

static void what_went_wrong_is_said_above_the_form(void **state)
{
	struct gate_page page = page_for(BROWSER);

	refuse(&page, VISITOR_ERROR_PASSWORD_WRONG);
	assert_true(has("That is not the password") && has("aria-invalid=\"true\""));
	page = page_for(BROWSER);
	page.retry_after_s = 42;
	refuse(&page, VISITOR_ERROR_TOO_MANY_ATTEMPTS);
	assert_true(has("in 42 seconds") && has("<form"));
	assert_true(slice_eq(answer_field(&answer, "Retry-After"), SLICE("42")));
	page = page_for(BROWSER);
	refuse(&page, VISITOR_ERROR_FORM_REFUSED);
	assert_true(has("no longer valid"));
	page = page_for(BROWSER);
	refuse(&page, VISITOR_ERROR_OVERLOADED);
	assert_true(has("in a moment"));
}

static void a_program_gets_the_challenge(void **state)
{
	struct gate_page page = page_for(PROGRAM);

	refuse(&page, VISITOR_ERROR_PASSWORD_REQUIRED);
	assert_true(slice_eq(answer_field(&answer, "WWW-Authenticate"),
		SLICE("Basic realm=\"adit\", charset=\"UTF-8\"")));
	assert_false(has("<form"));
	page = page_for(PROGRAM);
	refuse(&page, VISITOR_ERROR_TOO_MANY_ATTEMPTS);
	assert_null(answer_field(&answer, "WWW-Authenticate").ptr);
}

static void a_script_of_a_page_gets_none(void **state)
{
	struct gate_page page = page_for(SCRIPT);

	refuse(&page, VISITOR_ERROR_PASSWORD_REQUIRED);
	assert_null(answer_field(&answer, "WWW-Authenticate").ptr);
	assert_true(has("\"password-required\""));
}

static void head_has_the_fields_alone(void **state)
{
	struct gate_page page = page_for("HEAD /a HTTP/1.0\r\nAccept: text/html\r\n\r\n");

	refuse(&page, VISITOR_ERROR_PASSWORD_REQUIRED);
	assert_int_equal(answer.body.len, 0);
	assert_true(slice_eq(answer_field(&answer, "Connection"), SLICE("keep-alive")));
}

static void signing_out_has_a_page_before_and_after(void **state)
{
	struct gate_page page = page_for(BROWSER);

	assert_int_equal(gate_page_logout(&out, &page, true), 200);
	answer_read(&answer, &out, HTTP_GET);
	assert_true(has("data-view=\"in\"") && has("value=\"token\""));
	page = page_for(BROWSER);
	assert_int_equal(gate_page_logout(&out, &page, false), 200);
	answer_read(&answer, &out, HTTP_GET);
	assert_true(has("data-view=\"out\"") && has("Signed out"));
}

static void a_redirect_has_the_cookie(void **state)
{
	struct gate_page page = page_for(BROWSER);

	page.back = SLICE("/b?c");
	assert_int_equal(gate_page_redirect(&out, &page), 303);
	answer_read(&answer, &out, HTTP_GET);
	assert_int_equal(answer.head.status, 303);
	assert_true(slice_eq(answer_field(&answer, "Location"), SLICE("/b?c")));
	assert_true(slice_eq(answer_field(&answer, "Set-Cookie"), cookie));
	buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_browser_sees_the_form_and_no_challenge),
		cmocka_unit_test(what_went_wrong_is_said_above_the_form),
		cmocka_unit_test(a_program_gets_the_challenge),
		cmocka_unit_test(a_script_of_a_page_gets_none),
		cmocka_unit_test(head_has_the_fields_alone),
		cmocka_unit_test(signing_out_has_a_page_before_and_after),
		cmocka_unit_test(a_redirect_has_the_cookie),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
