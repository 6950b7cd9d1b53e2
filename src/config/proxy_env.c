/*
 * Proxies are URLs in the environment, with whatever people write there. HTTP_PROXY in upper case
 * is not read: where a program runs for CGI, a visitor's Proxy field would become it.
 */
#include "config/proxy_env.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/num.h"
#include "config/env.h"
#include "crypto/base64.h"

#define PROXY_ENV_PORT 80

static const char *const proxy_env_tls_names[] = {
	"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", NULL};
static const char *const proxy_env_plain_names[] = {"http_proxy", "all_proxy", "ALL_PROXY", NULL};
static const char *const proxy_env_except_names[] = {"no_proxy", "NO_PROXY", NULL};

/* The first variable that is set to something, or NULL. */
static const char *proxy_env_first(
	char **environ_list, const char *const *names, const char **name_out)
{
	for (; *names; names++) {
		const char *value = env_get(environ_list, *names);

		if (!value || !*value)
			continue;
		*name_out = *names;
		return value;
	}
	return NULL;
}

/* "host", "host:port", "[v6]:port", or an IPv6 address as it is. The port stays if there is none.
 */
static int proxy_env_split(struct slice text, struct slice *host_out, uint64_t *port_out)
{
	size_t colon = slice_find_last(text, ':');
	bool is_bare_v6 = colon < text.len && slice_find(text, ':') != colon && *text.ptr != '[';

	if (colon < text.len && !is_bare_v6 && !slice_ends(text, SLICE("]"))) {
		if (num_parse_u64(slice_from(text, colon + 1), port_out) != 0 || !*port_out ||
			*port_out > UINT16_MAX)
			return ERR_SYNTAX;
		text = slice_first(text, colon);
	}
	if (slice_starts(text, SLICE("[")) && slice_ends(text, SLICE("]")))
		text = slice_of(text.ptr + 1, text.len - 2);
	*host_out = text;
	return text.len ? 0 : ERR_SYNTAX;
}

static bool proxy_env_has_entry(struct slice entry, const struct proxy_env_target *target)
{
	struct slice host = slice_from_str(target->host), name;
	uint64_t port = target->port;

	if (slice_eq(entry, SLICE("*")))
		return true;
	if (!entry.len || proxy_env_split(entry, &name, &port) != 0 || port != target->port)
		return false;
	if (slice_starts(name, SLICE("*.")))
		name = slice_from(name, 2);
	else if (slice_starts(name, SLICE(".")))
		name = slice_from(name, 1);
	if (slice_eq_fold(name, host))
		return true;
	return name.len && host.len > name.len && host.ptr[host.len - name.len - 1] == '.' &&
		slice_eq_fold(slice_from(host, host.len - name.len), name);
}

bool proxy_env_is_excepted(struct slice list, const struct proxy_env_target *target)
{
	struct slice part;

	while (slice_split(&list, ',', &part)) {
		if (proxy_env_has_entry(slice_trim(part), target))
			return true;
	}
	return false;
}

static int proxy_env_hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* User information is percent-encoded in a URL, and not in the field. */
static void proxy_env_decode(struct buf *out, struct slice text)
{
	for (size_t i = 0; i < text.len; i++) {
		int high = i + 2 < text.len && text.ptr[i] == '%' ? proxy_env_hex(text.ptr[i + 1])
								  : -1;
		int low = high >= 0 ? proxy_env_hex(text.ptr[i + 2]) : -1;

		if (low < 0) {
			buf_append_char(out, text.ptr[i]);
			continue;
		}
		buf_append_char(out, (char)(high * 16 + low));
		i += 2;
	}
}

static void proxy_env_wipe(struct buf *secret)
{
	if (secret->base)
		mem_wipe(secret->base, secret->cap);
	buf_release(secret);
}

/* Each buffer has its final size from the start: growing would leave copies of the password. */
static char *proxy_env_authorization(struct slice user)
{
	struct buf plain = {0}, field = {0};
	char *text;

	buf_reserve(&plain, user.len + 1);
	proxy_env_decode(&plain, user);
	if (slice_find(user, ':') == user.len)
		buf_append_char(&plain, ':');
	buf_reserve(&field, 16 + 2 * buf_len(&plain));
	buf_append_str(&field, "Basic ");
	base64_append(&field, buf_slice(&plain));
	text = mem_dup_str(buf_slice(&field).ptr, buf_len(&field));
	proxy_env_wipe(&plain);
	proxy_env_wipe(&field);
	return text;
}

/* Takes "scheme://" off; false for a kind of proxy that this program does not speak to. */
static bool proxy_env_take_scheme(struct slice *url)
{
	if (slice_starts(*url, SLICE("http://")))
		*url = slice_from(*url, 7);
	for (size_t i = 0; i + 2 < url->len; i++) {
		if (slice_starts(slice_from(*url, i), SLICE("://")))
			return false;
	}
	return true;
}

static int proxy_env_read(struct slice url, struct proxy_env *out)
{
	uint64_t port = PROXY_ENV_PORT;
	struct slice host, place;
	struct buf address = {0};
	size_t at;

	if (!proxy_env_take_scheme(&url))
		return ERR_SYNTAX;
	url = slice_first(url, slice_find(url, '/'));
	at = slice_find_last(url, '@');
	place = at < url.len ? slice_from(url, at + 1) : url;
	if (proxy_env_split(place, &host, &port) != 0)
		return ERR_SYNTAX;
	if (at < url.len)
		out->authorization = proxy_env_authorization(slice_first(url, at));
	if (slice_find(host, ':') < host.len)
		buf_printf(&address, "[%.*s]:%u", SLICE_ARG(host), (unsigned)port);
	else
		buf_printf(&address, "%.*s:%u", SLICE_ARG(host), (unsigned)port);
	out->address = mem_dup_str(buf_slice(&address).ptr, buf_len(&address));
	buf_release(&address);
	return 0;
}

int proxy_env_find(char **environ_list, const struct proxy_env_target *target,
	struct proxy_env *out, struct buf *message)
{
	const char *name, *except, *url;

	*out = (struct proxy_env) {0};
	except = proxy_env_first(environ_list, proxy_env_except_names, &name);
	if (except && proxy_env_is_excepted(slice_from_str(except), target))
		return 0;
	url = proxy_env_first(
		environ_list, target->is_tls ? proxy_env_tls_names : proxy_env_plain_names, &name);
	if (!url)
		return 0;
	if (proxy_env_read(slice_trim_lines(slice_from_str(url)), out) == 0)
		return 0;
	buf_printf(message, "%s in the environment is no HTTP proxy: write http://host:port", name);
	return ERR_SYNTAX;
}

void proxy_env_deinit(struct proxy_env *p)
{
	if (p->authorization)
		mem_wipe(p->authorization, strlen(p->authorization));
	mem_free(p->authorization);
	mem_free(p->address);
	*p = (struct proxy_env) {0};
}
