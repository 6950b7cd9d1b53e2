/* Heads with their names replaced. */
#include "agent/local_http_head.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "support/request_text.h"

static const struct local_http_names host_only = {{"localhost:3000", 14}, {NULL, 0}};
static const struct local_http_names both = {{"localhost:3000", 14}, {"http://localhost:3000", 21}};

static void check(const struct local_http_names *names, const char *text, const char *want)
{
	static struct http_head head;
	struct buf out = {0};

	request_text_parse(&head, text);
	local_http_head_write(&out, &head, names);
	if (!slice_eq(buf_slice(&out), slice_from_str(want)))
		fail_msg("got \"%.*s\"", SLICE_ARG(buf_slice(&out)));
	buf_release(&out);
}

static void host_is_replaced_and_nothing_else(void **state)
{
	check(&host_only,
		"GET /a?b=http://demo.test HTTP/1.1\r\nX-A:  b \r\nHOST: demo.test\r\n"
		"Origin: https://demo.test\r\nReferer: https://demo.test/x\r\n"
		"X-Forwarded-Host: demo.test\r\n\r\n",
		"GET /a?b=http://demo.test HTTP/1.1\r\nX-A: b\r\nHOST: localhost:3000\r\n"
		"Origin: https://demo.test\r\nReferer: https://demo.test/x\r\n"
		"X-Forwarded-Host: demo.test\r\n\r\n");
}

static void fields_of_an_upgrade_stay(void **state)
{
	check(&both,
		"GET /ws HTTP/1.1\r\nHost: demo.test\r\nConnection: Upgrade\r\n"
		"Upgrade: websocket\r\nOrigin: https://demo.test\r\n"
		"Sec-WebSocket-Key: x\r\n\r\n",
		"GET /ws HTTP/1.1\r\nHost: localhost:3000\r\nConnection: Upgrade\r\n"
		"Upgrade: websocket\r\nOrigin: http://localhost:3000\r\n"
		"Sec-WebSocket-Key: x\r\n\r\n");
}

/* Next.js, Remix and others compare the two, and Host only where there is no forwarded one. */
static void the_forwarded_host_agrees_with_a_replaced_origin(void **state)
{
	check(&both,
		"POST / HTTP/1.1\r\nHost: demo.test\r\nOrigin: https://demo.test\r\n"
		"X-Forwarded-Host: demo.test\r\nX-Forwarded-Proto: https\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: localhost:3000\r\nOrigin: http://localhost:3000\r\n"
		"X-Forwarded-Host: localhost:3000\r\nX-Forwarded-Proto: https\r\n\r\n");
	check(&both,
		"POST / HTTP/1.1\r\nx-forwarded-host: demo.test\r\nHost: demo.test\r\n"
		"Origin: https://evil.test\r\n\r\n",
		"POST / HTTP/1.1\r\nx-forwarded-host: demo.test\r\nHost: localhost:3000\r\n"
		"Origin: https://evil.test\r\n\r\n");
	check(&both,
		"GET / HTTP/1.1\r\nHost: demo.test\r\nReferer: https://demo.test/\r\n"
		"X-Forwarded-Host: demo.test\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: localhost:3000\r\nReferer: http://localhost:3000/\r\n"
		"X-Forwarded-Host: demo.test\r\n\r\n");
}

static void a_head_without_host_gets_one(void **state)
{
	check(&host_only, "GET / HTTP/1.0\r\nA: b\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: localhost:3000\r\nA: b\r\n\r\n");
	check(&host_only, "GET / HTTP/1.1\r\nHost:\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: localhost:3000\r\n\r\n");
}

/* Whether Origin or Referer becomes ours, with what stands behind the authority. */
static void only_the_public_origin_is_replaced(void **state)
{
	static const struct {
		const char *host;
		const char *url;
		const char *want; /* NULL: it stays */
	} rows[] = {
		{"demo.test", "https://demo.test", "http://localhost:3000"},
		{"demo.test", "http://demo.test", "http://localhost:3000"},
		{"demo.test", "HTTPS://DEMO.test", "http://localhost:3000"},
		{"Demo.Test", "https://demo.test.", "http://localhost:3000"},
		{"demo.test", "https://demo.test:443/x", "http://localhost:3000/x"},
		{"demo.test", "https://demo.test/a/b?c=d", "http://localhost:3000/a/b?c=d"},
		{"demo.test", "https://demo.test?c", "http://localhost:3000?c"},
		{"demo.test:8443", "https://demo.test:8443/", "http://localhost:3000/"},
		{"demo.test:80", "http://demo.test/", "http://localhost:3000/"},
		{"demo.test", "https://demo.test:8443/", NULL},
		{"demo.test:8443", "https://demo.test/", NULL},
		{"demo.test", "https://other.test", NULL},
		{"demo.test", "https://demo.test.evil.test/", NULL},
		{"demo.test", "https://evil.test/https://demo.test", NULL},
		{"demo.test", "https://demo.test@evil.test/", NULL},
		{"demo.test", "ws://demo.test", NULL},
		{"demo.test", "demo.test", NULL},
		{"demo.test", "null", NULL},
		{"demo.test", "https://", NULL},
		{"demo.test", "", NULL},
		{"a b", "https://demo.test", NULL},
	};
	static const char *const names[] = {"Origin", "Referer", "ORIGIN", "referer"};

	for (size_t i = 0; i < ARRAY_LEN(rows) * ARRAY_LEN(names); i++) {
		const char *name = names[i % ARRAY_LEN(names)];
		size_t row = i / ARRAY_LEN(names);
		struct buf text = {0}, want = {0};

		buf_printf(&text, "GET / HTTP/1.1\r\nHost: %s\r\n%s: %s\r\n\r\n", rows[row].host,
			name, rows[row].url);
		buf_printf(&want, "GET / HTTP/1.1\r\nHost: localhost:3000\r\n%s: %s\r\n\r\n", name,
			rows[row].want ? rows[row].want : rows[row].url);
		buf_append_char(&text, '\0');
		buf_append_char(&want, '\0');
		check(&both, buf_slice(&text).ptr, buf_slice(&want).ptr);
		buf_release(&text);
		buf_release(&want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(host_is_replaced_and_nothing_else),
		cmocka_unit_test(fields_of_an_upgrade_stay),
		cmocka_unit_test(the_forwarded_host_agrees_with_a_replaced_origin),
		cmocka_unit_test(a_head_without_host_gets_one),
		cmocka_unit_test(only_the_public_origin_is_replaced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
