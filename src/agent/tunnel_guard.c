/* Pure. What the relay would refuse for good is refused here, before anything is dialled. */
#include "agent/tunnel_guard.h"

#include <arpa/inet.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/secret.h"
#include "base/utf8.h"
#include "config/opt.h"
#include "wire/control.h"

static bool guard_has_control(struct slice text)
{
	for (size_t i = 0; i < text.len; i++) {
		if ((unsigned char)text.ptr[i] < ' ' || text.ptr[i] == 0x7f)
			return true;
	}
	return false;
}

static int guard_check_text(struct slice text, const char *what, struct buf *why_out)
{
	if (guard_has_control(text)) {
		buf_printf(why_out, "%s has a control character in it", what);
		return ERR_SYNTAX;
	}
	if (!utf8_is_text(text)) {
		buf_printf(why_out, "%s is not UTF-8", what);
		return ERR_SYNTAX;
	}
	return 0;
}

int tunnel_guard_set_password(struct tunnel_guard *g, struct slice password, struct buf *why_out)
{
	int err;

	if (password.len < CONTROL_PASSWORD_MIN || password.len > CONTROL_PASSWORD_MAX) {
		buf_printf(why_out, "a password has %u to %u bytes, this one has %zu",
			CONTROL_PASSWORD_MIN, CONTROL_PASSWORD_MAX, password.len);
		return ERR_RANGE;
	}
	err = guard_check_text(password, "the password", why_out);
	if (err)
		return err;
	secret_free(&g->password);
	g->password = secret_dup(password);
	return 0;
}

int tunnel_guard_set_verify(
	struct tunnel_guard *g, const char *scheme, struct slice secret, struct buf *why_out)
{
	int err;

	if (!secret.len || secret.len > CONTROL_VERIFY_SECRET_MAX) {
		buf_printf(why_out, "the secret of %s's webhooks has 1 to %u bytes", scheme,
			CONTROL_VERIFY_SECRET_MAX);
		return ERR_RANGE;
	}
	err = guard_check_text(secret, "the secret of the webhooks", why_out);
	if (err)
		return err;
	secret_free(&g->verify_secret);
	g->verify_scheme = scheme;
	g->verify_secret = secret_dup(secret);
	return 0;
}

static bool guard_is_network(struct slice network)
{
	struct slice prefix = slice_from(network, slice_find(network, '/') + 1);
	struct slice address = slice_first(network, slice_find(network, '/'));
	char text[INET6_ADDRSTRLEN];
	unsigned char bytes[16];
	uint64_t bits, most = 128;

	if (slice_to_str(address, text, sizeof(text)) != address.len)
		return false;
	if (inet_pton(AF_INET, text, bytes) == 1)
		most = 32;
	else if (inet_pton(AF_INET6, text, bytes) != 1)
		return false;
	return address.len == network.len || (num_parse_u64(prefix, &bits) == 0 && bits <= most);
}

int tunnel_guard_print_networks(char *const *networks, char **text_out, struct buf *why_out)
{
	struct buf text = {0};
	int err = 0;
	size_t i;

	mem_free(*text_out);
	*text_out = NULL;
	for (i = 0; networks && networks[i] && !err; i++) {
		buf_printf(&text, "%s%s", i ? " " : "", networks[i]);
		if (guard_is_network(slice_from_str(networks[i])))
			continue;
		opt_quote(why_out, slice_from_str(networks[i]));
		buf_append_str(why_out,
			" is no address and no network (192.0.2.7, 192.0.2.0/24, 2001:db8::/32)");
		err = ERR_SYNTAX;
	}
	if (!err && i > CONTROL_NETWORKS_MAX) {
		buf_printf(why_out, "there are %zu networks, and at most %u are possible", i,
			CONTROL_NETWORKS_MAX);
		err = ERR_LIMIT;
	}
	if (!err && i)
		*text_out = mem_dup_str(buf_slice(&text).ptr, buf_len(&text));
	buf_release(&text);
	return err;
}

void tunnel_guard_put(const struct tunnel_guard *g, struct control *message)
{
	message->password = g->password;
	message->allow = g->allow;
	message->deny = g->deny;
	message->verify.scheme = (char *)(uintptr_t)g->verify_scheme;
	message->verify.secret = g->verify_secret;
}

bool tunnel_guard_is_set(const struct tunnel_guard *g)
{
	return g->password || g->allow || g->deny || g->verify_scheme;
}

bool tunnel_guard_has_secret(const struct tunnel_guard *g)
{
	return g->password || g->verify_secret;
}

static char *guard_dup(const char *text)
{
	return text ? mem_dup_str(text, strlen(text)) : NULL;
}

void tunnel_guard_copy(struct tunnel_guard *to, const struct tunnel_guard *from)
{
	*to = (struct tunnel_guard) {
		.password = secret_dup(slice_from_str(from->password)),
		.allow = guard_dup(from->allow),
		.deny = guard_dup(from->deny),
		.verify_scheme = from->verify_scheme,
		.verify_secret = secret_dup(slice_from_str(from->verify_secret)),
	};
}

static bool guard_is_same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

bool tunnel_guard_is_equal(const struct tunnel_guard *a, const struct tunnel_guard *b)
{
	return guard_is_same(a->password, b->password) && guard_is_same(a->allow, b->allow) &&
		guard_is_same(a->deny, b->deny) &&
		guard_is_same(a->verify_scheme, b->verify_scheme) &&
		guard_is_same(a->verify_secret, b->verify_secret);
}

void tunnel_guard_deinit(struct tunnel_guard *g)
{
	secret_free(&g->password);
	secret_free(&g->verify_secret);
	mem_free(g->allow);
	mem_free(g->deny);
	*g = (struct tunnel_guard) {0};
}
