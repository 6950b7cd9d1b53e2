/* Every answer of ours is one well-formed message, whatever text goes into it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "relay/reply.h"
#include "relay/visitor_error.h"
#include "support/answer.h"
#include "support/request_text.h"

#define HEAD "GET / HTTP/1.1\r\nHost: a.test\r\n"
#define BROWSER HEAD "Accept: text/html,application/xhtml+xml,*/*;q=0.8\r\n\r\n"
#define SCRIPT HEAD "Accept: application/json, text/plain, */*\r\n\r\n"
#define CURL HEAD "Accept: */*\r\n\r\n"

struct asked {
	struct buf bytes;
	struct answer answer;
	char *body; /* with a NUL, inside text */
	struct buf text;
};

static void ask(struct asked *a, const char *request, const struct visitor_fault *fault,
	struct slice request_id, bool keep_alive)
{
	struct http_head head;

	request_text_parse(&head, request);
	*a = (struct asked) {0};
	reply_write_error(&a->bytes, fault, reply_audience_of(&head), request_id, keep_alive);
	answer_read(&a->answer, &a->bytes, head.method_id);
	buf_append_slice(&a->text, a->answer.body);
	buf_append_char(&a->text, '\0');
	a->body = a->text.base;
}

static void release(struct asked *a)
{
	buf_release(&a->bytes);
	buf_release(&a->text);
}

static void check_field(const struct asked *a, const char *name, const char *value)
{
	struct slice found = answer_field(&a->answer, name);

	if (found.len != (value ? strlen(value) : 0) ||
		(value && memcmp(found.ptr, value, found.len)))
		fail_msg("%s: %.*s", name, SLICE_ARG(found));
}

static const struct visitor_fault offline = {
	.error = VISITOR_ERROR_TUNNEL_OFFLINE, .retry_after_s = 25, .host = {"my-app.a.test", 13}};

static void an_error_has_the_fields_that_clients_and_caches_need(void **state)
{
	struct asked a;

	ask(&a, CURL, &offline, SLICE("r-1"), true);
	assert_int_equal(a.answer.head.status, 503);
	assert_true(slice_eq(a.answer.head.reason, SLICE("Service Temporarily Unavailable")));
	check_field(&a, "X-Adit-Error", "tunnel-offline");
	check_field(&a, "Retry-After", "25");
	check_field(&a, "Cache-Control", "no-store");
	check_field(&a, "X-Content-Type-Options", "nosniff");
	check_field(&a, "X-Request-Id", "r-1");
	check_field(&a, "Content-Type", "text/plain; charset=utf-8");
	check_field(&a, "Connection", NULL);
	release(&a);
}

static void curl_gets_a_few_lines_of_text(void **state)
{
	struct asked a;

	ask(&a, CURL, &offline, SLICE("r-1"), true);
	assert_non_null(strstr(a.body, "503 Service Temporarily Unavailable (tunnel-offline)\n"));
	assert_non_null(strstr(a.body, "\nRequest id: r-1\n"));
	assert_in_range(strlen(a.body), 100, 500);
	release(&a);
}

static void a_script_gets_json(void **state)
{
	struct asked a;
	struct visitor_fault fault = {
		.error = VISITOR_ERROR_BODY_TOO_LARGE, .detail = SLICE("Say \"when\".")};

	ask(&a, SCRIPT, &fault, SLICE("r-1"), true);
	check_field(&a, "Content-Type", "application/json; charset=utf-8");
	check_field(&a, "Retry-After", NULL);
	assert_string_equal(a.body,
		"{\"error\":\"body-too-large\",\"message\":\"The request's body is larger than the "
		"relay's limit (--max-body). Say \\\"when\\\".\",\"request_id\":\"r-1\"}");
	release(&a);
}

static void a_browser_gets_a_page_that_runs_nothing_and_loads_nothing(void **state)
{
	struct asked a;

	ask(&a, BROWSER, &offline, SLICE("r-1"), true);
	check_field(&a, "Content-Type", "text/html; charset=utf-8");
	check_field(&a, "Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'");
	assert_non_null(strstr(a.body, "<h1>This tunnel is offline</h1>"));
	assert_non_null(strstr(a.body, "data-place=\"tunnel\" data-retry=\"yes\""));
	assert_non_null(strstr(a.body, "<dd>my-app.a.test</dd>"));
	assert_non_null(strstr(a.body, "<dd>tunnel-offline</dd>"));
	assert_non_null(strstr(a.body, "<dd>r-1</dd>"));
	assert_null(strstr(a.body, "{{"));
	assert_null(strstr(a.body, "<script"));
	assert_null(strstr(a.body, "<!--"));
	assert_null(strstr(a.body, "http://"));
	release(&a);
}

static void head_gets_the_fields_of_get_and_no_body(void **state)
{
	struct asked get, head;

	ask(&get, BROWSER, &offline, SLICE("r-1"), true);
	ask(&head,
		"HEAD / HTTP/1.1\r\nHost: a.test\r\nAccept: "
		"text/html,application/xhtml+xml\r\n\r\n",
		&offline, SLICE("r-1"), true);
	assert_int_equal(head.answer.body.len, 0);
	assert_true(slice_eq(answer_field(&head.answer, "Content-Length"),
		answer_field(&get.answer, "Content-Length")));
	assert_int_equal(head.answer.head.size, get.answer.head.size);
	release(&get);
	release(&head);
}

static void the_connection_field_says_what_happens_next(void **state)
{
	struct asked a;

	ask(&a, CURL, &offline, SLICE("r-1"), false);
	check_field(&a, "Connection", "close");
	release(&a);
	ask(&a, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", &offline, SLICE("r-1"), true);
	check_field(&a, "Connection", "keep-alive");
	release(&a);
}

static void http_1_0_without_host_gets_the_known_text(void **state)
{
	struct visitor_fault fault = {.error = VISITOR_ERROR_HOST_REQUIRED};
	struct asked a;

	ask(&a, "GET / HTTP/1.0\r\n\r\n", &fault, SLICE("r-1"), false);
	assert_int_equal(a.answer.head.status, 400);
	assert_string_equal(a.body, "Host header is required");
	release(&a);
}

static void a_method_that_is_refused_is_told_the_allowed_ones(void **state)
{
	struct visitor_fault fault = {
		.error = VISITOR_ERROR_METHOD_NOT_ALLOWED, .allow = "GET, HEAD"};
	struct asked a;

	ask(&a, CURL, &fault, SLICE("r-1"), true);
	assert_int_equal(a.answer.head.status, 405);
	check_field(&a, "Allow", "GET, HEAD");
	release(&a);
}

static void every_error_in_every_format_is_well_formed(void **state)
{
	static const char *const requests[] = {CURL, SCRIPT, BROWSER};

	for (int error = 0; error < VISITOR_ERROR_COUNT; error++) {
		const struct visitor_error_info *info =
			visitor_error_get((enum visitor_error)error);
		struct visitor_fault fault = {.error = (enum visitor_error)error};

		for (int i = 0; i < 3; i++) {
			struct asked a;

			ask(&a, requests[i], &fault, SLICE("r-1"), true);
			assert_int_equal(a.answer.head.status, info->status);
			assert_true(a.answer.head.reason.len > 0);
			assert_true(a.answer.body.len > 0);
			check_field(&a, "X-Adit-Error", info->code);
			release(&a);
		}
	}
}

static void a_request_that_could_not_be_read_is_answered_too(void **state)
{
	struct visitor_fault fault = {.error = VISITOR_ERROR_BAD_REQUEST,
		.detail = SLICE("The request line is malformed.")};
	struct buf bytes = {0};
	struct answer answer;

	reply_write_error(&bytes, &fault, reply_audience_of(NULL), (struct slice) {NULL, 0}, false);
	answer_read(&answer, &bytes, HTTP_GET);
	assert_int_equal(answer.head.status, 400);
	assert_null(answer_field(&answer, "X-Request-Id").ptr);
	buf_release(&bytes);
}

static void hostile_text_stays_text(void **state)
{
	static const char *const requests[] = {CURL, SCRIPT, BROWSER};
	struct visitor_fault fault = {.error = VISITOR_ERROR_BAD_REQUEST,
		.host = SLICE("\"><script>alert(1)</script>"),
		.detail = SLICE("<img src=x onerror=alert(2)>{{code}}\\\"")};

	for (int i = 0; i < 3; i++) {
		struct asked a;

		ask(&a, requests[i], &fault, SLICE("id\r\nSet-Cookie: x=1\r\n\r\n<u>"), true);
		check_field(&a, "Set-Cookie", NULL);
		check_field(&a, "X-Request-Id", NULL);
		if (i == 2) { /* the page; JSON is never sniffed to be one */
			assert_null(strstr(a.body, "<script"));
			assert_null(strstr(a.body, "<img"));
			assert_null(strstr(a.body, "<u>"));
		}
		if (i == 1)
			assert_non_null(strstr(a.body, "alert(2)>{{code}}\\\\\\\""));
		release(&a);
	}
}

static void plain_answers_have_their_exact_bodies(void **state)
{
	struct buf bytes = {0};
	struct answer answer;

	reply_write_json(
		&bytes, &(struct reply) {.status = 200, .body = SLICE("{\"status\":\"healthy\"}")});
	answer_read(&answer, &bytes, HTTP_GET);
	assert_true(slice_eq(answer.body, SLICE("{\"status\":\"healthy\"}")));
	assert_true(slice_eq(answer.head.reason, SLICE("OK")));
	assert_true(slice_eq(
		answer_field(&answer, "Content-Type"), SLICE("application/json; charset=utf-8")));
	assert_null(answer_field(&answer, "X-Adit-Error").ptr);
	buf_release(&bytes);

	reply_write_text(&bytes,
		&(struct reply) {.status = 405,
			.code = "method-not-allowed",
			.allow = "HEAD, GET",
			.body = SLICE("Method Not Allowed")});
	answer_read(&answer, &bytes, HTTP_POST);
	assert_true(slice_eq(answer_field(&answer, "Allow"), SLICE("HEAD, GET")));
	assert_true(slice_eq(answer.body, SLICE("Method Not Allowed")));
	buf_release(&bytes);

	reply_write_text(&bytes, &(struct reply) {.status = 200, .allow = "HEAD, GET"});
	answer_read(&answer, &bytes, HTTP_OPTIONS);
	assert_true(slice_eq(answer_field(&answer, "Content-Length"), SLICE("0")));
	assert_null(answer_field(&answer, "Content-Type").ptr);
	buf_release(&bytes);
}

static void a_redirect_has_a_location_and_a_line_of_text(void **state)
{
	struct buf bytes = {0};
	struct answer answer;

	reply_write_redirect(&bytes, &(struct reply) {.location = "/_adit/", .close = true});
	answer_read(&answer, &bytes, HTTP_GET);
	assert_int_equal(answer.head.status, 302);
	assert_true(slice_eq(answer_field(&answer, "Location"), SLICE("/_adit/")));
	assert_true(slice_eq(answer_field(&answer, "Connection"), SLICE("close")));
	assert_true(slice_eq(answer.body, SLICE("Redirecting to /_adit/\n")));
	buf_release(&bytes);
}

static void answers_are_appended_to_what_is_there(void **state)
{
	struct buf bytes = {0};

	buf_append_str(&bytes, "before");
	reply_write_text(&bytes, &(struct reply) {.status = 404, .body = SLICE("Not Found")});
	assert_true(slice_starts(buf_slice(&bytes), SLICE("beforeHTTP/1.1 404 Not Found\r\n")));
	assert_true(slice_ends(buf_slice(&bytes), SLICE("\r\n\r\nNot Found")));
	buf_release(&bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_error_has_the_fields_that_clients_and_caches_need),
		cmocka_unit_test(curl_gets_a_few_lines_of_text),
		cmocka_unit_test(a_script_gets_json),
		cmocka_unit_test(a_browser_gets_a_page_that_runs_nothing_and_loads_nothing),
		cmocka_unit_test(head_gets_the_fields_of_get_and_no_body),
		cmocka_unit_test(the_connection_field_says_what_happens_next),
		cmocka_unit_test(http_1_0_without_host_gets_the_known_text),
		cmocka_unit_test(a_method_that_is_refused_is_told_the_allowed_ones),
		cmocka_unit_test(every_error_in_every_format_is_well_formed),
		cmocka_unit_test(a_request_that_could_not_be_read_is_answered_too),
		cmocka_unit_test(hostile_text_stays_text),
		cmocka_unit_test(plain_answers_have_their_exact_bodies),
		cmocka_unit_test(a_redirect_has_a_location_and_a_line_of_text),
		cmocka_unit_test(answers_are_appended_to_what_is_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
