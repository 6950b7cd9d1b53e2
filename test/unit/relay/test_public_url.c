/* The URLs that are told to clients and people. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "relay/public_url.h"
#include "relay/relay_conf.h"
#include "support/request_text.h"

struct row {
	struct relay_conf conf;
	const char *host; /* NULL: the request has none */
	uint16_t listen_port;
	const char *url;
	const char *base_url;
};

static char domain[] = "example.com";
static char pem[] = "some.pem";

static const struct row rows[] = {
	/* scheme and port */
	{{.port = 80}, "relay.test", 80, "http://app1.relay.test", "http://relay.test"},
	{{.port = 80}, "relay.test", 0, "http://app1.relay.test", "http://relay.test"},
	{{.port = 1234}, "relay.test:1234", 1234, "http://app1.relay.test:1234",
		"http://relay.test:1234"},
	{{.port = 1234}, "relay.test:9999", 1234, "http://app1.relay.test:1234",
		"http://relay.test:1234"},
	{{.port = 1234}, "Relay.TEST.", 0, "http://app1.relay.test:1234", "http://relay.test:1234"},
	{{.port = 443}, "relay.test", 443, "http://app1.relay.test:443", "http://relay.test:443"},
	{{.port = 443, .secure = true}, "relay.test", 443, "https://app1.relay.test",
		"https://relay.test"},
	{{.port = 80, .secure = true}, "relay.test", 80, "https://app1.relay.test:80",
		"https://relay.test:80"},
	{{.port = 3000, .secure = true}, "relay.test", 3000, "https://app1.relay.test:3000",
		"https://relay.test:3000"},
	/* a certificate of our own, but not at the admin port */
	{{.port = 80, .tls_cert = pem, .tls_port = 443}, "relay.test", 443,
		"https://app1.relay.test", "https://relay.test"},
	{{.port = 80, .tls_cert = pem, .tls_port = 8443}, "relay.test", 8443,
		"https://app1.relay.test:8443", "https://relay.test:8443"},
	{{.port = 80, .tls_cert = pem, .tls_port = 8443, .https_proxy_port = 443}, "relay.test",
		8443, "https://app1.relay.test", "https://relay.test"},
	{{.port = 80, .tls_cert = pem, .tls_port = 443, .admin_port = 8081}, "relay.test", 443,
		"https://app1.relay.test", "http://relay.test:8081"},
	/* a proxy in front: the option of the scheme counts, the other does not */
	{{.port = 3000, .secure = true, .https_proxy_port = 443}, "relay.test", 3000,
		"https://app1.relay.test", "https://relay.test"},
	{{.port = 3000, .secure = true, .https_proxy_port = 8443}, "relay.test", 3000,
		"https://app1.relay.test:8443", "https://relay.test:8443"},
	{{.port = 3000, .secure = true, .http_proxy_port = 8080}, "relay.test", 3000,
		"https://app1.relay.test:3000", "https://relay.test:3000"},
	{{.port = 3000, .http_proxy_port = 80, .https_proxy_port = 8443}, "relay.test", 3000,
		"http://app1.relay.test", "http://relay.test"},
	/* the request came in by the admin port: tunnels are not there, creation is */
	{{.port = 3000, .admin_port = 8080}, "relay.test:8080", 3000, "http://app1.relay.test:3000",
		"http://relay.test:8080"},
	{{.port = 3000,
		 .admin_port = 8080,
		 .secure = true,
		 .https_proxy_port = 443,
		 .domain = domain},
		"example.com:8080", 3000, "https://app1.example.com", "https://example.com:8080"},
	/* a domain is used whatever the request was sent to */
	{{.port = 80, .domain = domain}, "example.com", 80, "http://app1.example.com",
		"http://example.com"},
	{{.port = 80, .domain = domain}, "10.0.0.1", 80, "http://app1.example.com",
		"http://example.com"},
	{{.port = 80, .domain = domain}, "aditd.internal", 80, "http://app1.example.com",
		"http://example.com"},
	{{.port = 80, .domain = domain}, "notexample.com", 80, "http://app1.example.com",
		"http://example.com"},
	{{.port = 80, .domain = domain}, "admin.example.com", 80, "http://app1.example.com",
		"http://example.com"},
	{{.port = 80, .domain = domain}, NULL, 80, "http://app1.example.com", "http://example.com"},
	/* addresses cannot have names in front */
	{{.port = 8080}, "127.0.0.1:8080", 8080, "http://app1.localhost:8080",
		"http://127.0.0.1:8080"},
	{{.port = 8080}, "[::1]:8080", 8080, "http://app1.localhost:8080", "http://[::1]:8080"},
	{{.port = 8080}, "192.0.2.7", 8080, "http://app1.localhost:8080", "http://192.0.2.7:8080"},
	{{.port = 8080}, "[2001:DB8::1]", 8080, "http://app1.localhost:8080",
		"http://[2001:db8::1]:8080"},
	{{.port = 8080}, "localhost:8080", 8080, "http://app1.localhost:8080",
		"http://localhost:8080"},
	{{.port = 8080}, NULL, 8080, "http://app1.localhost:8080", "http://localhost:8080"},
};

static void urls_follow_options_and_request(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct row *row = &rows[i];
		struct http_host host, *request_host = NULL;
		struct buf url = {0}, base = {0};

		if (row->host) {
			host = request_text_host(row->host);
			request_host = &host;
		}
		public_url_write(&url, &row->conf, SLICE("app1"), request_host, row->listen_port);
		public_url_write_base(&base, &row->conf, request_host, row->listen_port);
		if (!slice_eq(buf_slice(&url), slice_from_str(row->url)) ||
			!slice_eq(buf_slice(&base), slice_from_str(row->base_url)))
			fail_msg("row %zu: %.*s %.*s", i, SLICE_ARG(buf_slice(&url)),
				SLICE_ARG(buf_slice(&base)));
		buf_release(&url);
		buf_release(&base);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(urls_follow_options_and_request),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
