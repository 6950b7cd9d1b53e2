/* The landing page: filled in, self-contained, and its script allowed by the right hash. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "relay/landing.h"
#include "relay/relay_conf.h"
#include "support/answer.h"
#include "support/request_text.h"

#define GET "GET /_adit/ HTTP/1.1\r\nHost: a.test\r\n\r\n"

static void show(struct buf *bytes, struct answer *answer, const struct relay_conf *conf,
	const char *authority, const char *request)
{
	struct http_host host = request_text_host(authority);
	struct landing_view view = {.conf = conf, .request_host = &host};
	struct http_head head;

	request_text_parse(&head, request);
	landing_write(bytes, &view, &head, true);
	answer_read(answer, bytes, head.method_id);
}

static bool has(struct slice text, const char *part)
{
	return memmem(text.ptr, text.len, part, strlen(part)) != NULL;
}

static void the_page_shows_the_command_for_this_relay(void **state)
{
	struct relay_conf conf = {.port = 8080};
	struct buf bytes = {0};
	struct answer answer;

	show(&bytes, &answer, &conf, "relay.test:8080", GET);
	assert_int_equal(answer.head.status, 200);
	assert_true(has(answer.body, "adit http 3000 --relay http://relay.test:8080"));
	assert_true(has(answer.body, "npx localtunnel --host http://relay.test:8080 --port 3000"));
	assert_true(has(answer.body, "http://clever-wombat-42.relay.test:8080"));
	assert_true(has(answer.body, "<body data-access=\"open\">"));
	assert_false(has(answer.body, "{{"));
	buf_release(&bytes);
}

static void a_relay_that_wants_signatures_says_so_and_shows_no_secret(void **state)
{
	char secret[] = "0123456789abcdef0123456789abcdef";
	struct relay_conf conf = {.port = 80, .hmac_secret = secret};
	struct buf bytes = {0};
	struct answer answer;

	show(&bytes, &answer, &conf, "relay.test", GET);
	assert_true(has(answer.body, "<body data-access=\"signed\">"));
	assert_false(has(buf_slice(&bytes), secret));
	buf_release(&bytes);
}

static void the_policy_allows_the_one_script_by_its_hash(void **state)
{
	struct relay_conf conf = {.port = 80};
	struct buf bytes = {0};
	struct answer answer;
	struct slice policy;

	show(&bytes, &answer, &conf, "relay.test", GET);
	policy = answer_field(&answer, "Content-Security-Policy");
	assert_true(slice_starts(policy,
		SLICE("default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-")));
	assert_false(has(answer.body, "<script src"));
	assert_false(has(answer.body, "onclick"));
	buf_release(&bytes);
}

static void head_gets_no_body(void **state)
{
	struct relay_conf conf = {.port = 80};
	struct buf bytes = {0};
	struct answer answer;

	show(&bytes, &answer, &conf, "relay.test", "HEAD /_adit/ HTTP/1.1\r\nHost: a.test\r\n\r\n");
	assert_int_equal(answer.body.len, 0);
	assert_int_equal(buf_len(&bytes), answer.head.size);
	buf_release(&bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_page_shows_the_command_for_this_relay),
		cmocka_unit_test(a_relay_that_wants_signatures_says_so_and_shows_no_secret),
		cmocka_unit_test(the_policy_allows_the_one_script_by_its_hash),
		cmocka_unit_test(head_gets_no_body),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
