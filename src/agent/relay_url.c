/* The relay's address: a scheme, a host and a port, and nothing else. */
#include "agent/relay_url.h"

#include <netinet/in.h>

#include "base/err.h"
#include "base/mem.h"
#include "config/opt.h"
#include "io/addr.h"
#include "proto/http_host.h"

#define RELAY_URL_MAX 512u

static int relay_url_refuse(struct slice text, const char *sentence, struct buf *why)
{
	opt_quote(why, text);
	buf_printf(why, " %s (for example https://relay.example.com)", sentence);
	return ERR_SYNTAX;
}

static void relay_url_finish(struct relay_url *out, const struct http_host *host)
{
	struct slice name = http_host_slice(host);
	uint16_t usual = out->tls ? 443 : 80;
	struct buf text = {0};

	out->port = host->port ? host->port : usual;
	buf_printf(&text, "%s://%.*s", out->tls ? "https" : "http", SLICE_ARG(name));
	if (out->port != usual)
		buf_printf(&text, ":%u", out->port);
	out->text = mem_dup_str(buf_slice(&text).ptr, buf_len(&text));
	buf_release(&text);
	if (name.len > 2 && name.ptr[0] == '[')
		name = slice_of(name.ptr + 1, name.len - 2);
	out->host = mem_dup_str(name.ptr, name.len);
}

int relay_url_parse(struct slice text, struct relay_url *out, struct buf *why_out)
{
	struct slice rest = slice_trim(text);
	struct http_host host;

	*out = (struct relay_url) {.tls = true};
	if (rest.len > RELAY_URL_MAX)
		return relay_url_refuse(slice_first(text, 64), "is too long", why_out);
	if (slice_starts(rest, SLICE("https://"))) {
		rest = slice_from(rest, 8);
	} else if (slice_starts(rest, SLICE("http://"))) {
		rest = slice_from(rest, 7);
		out->tls = false;
	}
	if (slice_ends(rest, SLICE("/")))
		rest = slice_first(rest, rest.len - 1);
	if (slice_find(rest, '/') < rest.len)
		return relay_url_refuse(text, "is not the address of a relay", why_out);
	if (!rest.len || http_host_parse(rest, &host) != 0)
		return relay_url_refuse(text, "has no valid host and port", why_out);
	relay_url_finish(out, &host);
	return 0;
}

bool relay_url_is_loopback(const struct relay_url *u)
{
	const struct sockaddr_in6 *v6;
	const struct sockaddr_in *v4;
	struct addr addr;

	if (slice_eq_fold(slice_from_str(u->host), SLICE("localhost")))
		return true;
	if (addr_parse(u->host, 0, &addr) != 0)
		return false;
	v4 = (const struct sockaddr_in *)&addr.storage;
	v6 = (const struct sockaddr_in6 *)&addr.storage;
	return addr.storage.ss_family == AF_INET
		? ntohl(v4->sin_addr.s_addr) >> IN_CLASSA_NSHIFT == IN_LOOPBACKNET
		: IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
}

void relay_url_deinit(struct relay_url *u)
{
	mem_free(u->host);
	mem_free(u->text);
	*u = (struct relay_url) {0};
}
