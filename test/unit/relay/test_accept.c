/* Which format a client gets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "relay/accept.h"
#include "support/request_text.h"

#define HEAD "GET / HTTP/1.1\r\nHost: a.test\r\n"

struct row {
	const char *request;
	enum accept_format format;
};

static const struct row rows[] = {
	{HEAD "\r\n", ACCEPT_TEXT},
	{HEAD "Accept:\r\n\r\n", ACCEPT_TEXT},
	{HEAD "Accept: */*\r\n\r\n", ACCEPT_TEXT},
	{HEAD "Accept: image/avif,image/webp,*/*;q=0.8\r\n\r\n", ACCEPT_TEXT},
	{HEAD "Accept: text/event-stream\r\n\r\n", ACCEPT_TEXT},
	{HEAD "Accept: text/html\r\n\r\n", ACCEPT_HTML},
	{HEAD "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"
	      "\r\n\r\n",
		ACCEPT_HTML},
	{HEAD "Accept: application/json\r\n\r\n", ACCEPT_JSON},
	{HEAD "Accept: application/json, text/plain, */*\r\n\r\n", ACCEPT_JSON},
	{HEAD "Accept: Application/JSON; charset=utf-8\r\n\r\n", ACCEPT_JSON},
	{HEAD "Accept: application/problem+json\r\n\r\n", ACCEPT_JSON},
	{HEAD "Accept: text/plain, application/json\r\n\r\n", ACCEPT_TEXT},
	{HEAD "Accept: text/html;q=0.5, application/json\r\n\r\n", ACCEPT_JSON},
	{HEAD "Accept: text/html ; q=0.5 , application/json;q=0.499\r\n\r\n", ACCEPT_HTML},
	{HEAD "Accept: text/html;level=1;Q=0.1, text/plain;q=0.2\r\n\r\n", ACCEPT_TEXT},
	{HEAD "Accept: text/html;q=0\r\n\r\n", ACCEPT_TEXT},
	{HEAD "Accept: text/html;q=0.000, application/json;q=0.001\r\n\r\n", ACCEPT_JSON},
	{HEAD "Accept: text/plain;q=0.1\r\nAccept: text/html;q=1.000\r\n\r\n", ACCEPT_HTML},
	/* malformed weights name nothing */
	{HEAD "Accept: text/html;q=\r\n\r\n", ACCEPT_TEXT},
	{HEAD "Accept: text/html;q=2\r\n\r\n", ACCEPT_TEXT},
	{HEAD "Accept: text/html;q=1.5\r\n\r\n", ACCEPT_TEXT},
	{HEAD "Accept: text/html;q=0,5\r\n\r\n", ACCEPT_TEXT},
	{HEAD "Accept: text/html;q=0.1234\r\n\r\n", ACCEPT_TEXT},
	{HEAD "Accept: text/html;q=.5\r\n\r\n", ACCEPT_TEXT},
	{HEAD "Accept: ;;,,;q=1,\r\n\r\n", ACCEPT_TEXT},
	{HEAD "Accept: text/htmlx, xtext/html\r\n\r\n", ACCEPT_TEXT},
};

static void the_format_with_the_highest_weight_is_chosen(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct http_head head;

		request_text_parse(&head, rows[i].request);
		if (accept_choose(&head) != rows[i].format)
			fail_msg("%s -> %d", rows[i].request, accept_choose(&head));
	}
}

static void a_request_that_could_not_be_read_gets_text(void **state)
{
	assert_int_equal(accept_choose(NULL), ACCEPT_TEXT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_format_with_the_highest_weight_is_chosen),
		cmocka_unit_test(a_request_that_could_not_be_read_gets_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
