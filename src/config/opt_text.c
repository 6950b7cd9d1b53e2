/*
 * The forms of textual options. People paste URLs where a host name is wanted, so each usual
 * mistake has its own hint.
 */
#include "config/opt_text.h"

#include <arpa/inet.h>

#include "base/err.h"
#include "config/opt.h"

#define OPT_HOST_MAX 253u
#define OPT_LABEL_MAX 63u

static int opt_text_refuse(struct buf *why, struct slice text, const char *sentence)
{
	opt_quote(why, text);
	buf_printf(why, " %s", sentence);
	return ERR_SYNTAX;
}

int opt_text_address(struct slice text, struct buf *out, struct buf *why)
{
	char literal[INET6_ADDRSTRLEN];
	unsigned char bytes[16];
	struct slice bare = text;
	size_t zone, len;
	bool is_v4;

	if (slice_eq(text, SLICE("localhost")))
		bare = SLICE("127.0.0.1");
	if (bare.len > 2 && bare.ptr[0] == '[' && bare.ptr[bare.len - 1] == ']')
		bare = slice_of(bare.ptr + 1, bare.len - 2);
	/* A zone (fe80::1%eth0) is for the kernel to judge. */
	zone = slice_find(bare, '%');
	len = slice_to_str(slice_first(bare, zone), literal, sizeof(literal));
	is_v4 = zone == bare.len && inet_pton(AF_INET, literal, bytes) == 1;
	if (len != zone || (!is_v4 && inet_pton(AF_INET6, literal, bytes) != 1))
		return opt_text_refuse(
			why, text, "is not an IP address (for example 0.0.0.0, 127.0.0.1 or ::)");
	buf_append_slice(out, bare);
	return 0;
}

static bool opt_is_label(struct slice label)
{
	if (!label.len || label.len > OPT_LABEL_MAX || label.ptr[0] == '-' ||
		label.ptr[label.len - 1] == '-')
		return false;
	for (size_t i = 0; i < label.len; i++) {
		char c = label.ptr[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-')
			return false;
	}
	return true;
}

/* What is wrong with a lower-case name without a final dot, or NULL. */
static const char *opt_host_fault(struct slice host)
{
	struct slice rest = host, label = {NULL, 0};

	if (memmem(host.ptr, host.len, "://", 3))
		return "has a scheme; give the host name alone, for example tunnel.example.com";
	if (slice_find(host, '/') < host.len)
		return "has a path; give the host name alone, for example tunnel.example.com";
	if (slice_find(host, ':') < host.len)
		return "has a port; give the host name alone (see --http-proxy-port and "
		       "--https-proxy-port for the port in URLs)";
	if (slice_starts(host, SLICE("*.")))
		return "has a wildcard; give the name without \"*.\"";
	for (size_t i = 0; i < host.len; i++) {
		if ((unsigned char)host.ptr[i] >= 0x80)
			return "has letters beyond ASCII; give it in its xn-- form";
	}
	if (host.len > OPT_HOST_MAX)
		return "is longer than 253 characters";
	while (slice_split(&rest, '.', &label)) {
		if (!opt_is_label(label))
			return "is not a host name";
	}
	/* Only the last label tells 1.2.3.4 from a name (RFC 1123, 2.1). */
	for (size_t i = 0; i < label.len; i++) {
		if (label.ptr[i] < '0' || label.ptr[i] > '9')
			return NULL;
	}
	return "is an address; tunnels need a host name to stand in front of";
}

int opt_text_host(struct slice text, struct buf *out, struct buf *why)
{
	char *host = buf_reserve(out, text.len + 1);
	struct slice name;
	const char *fault;

	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		host[i] = (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
	}
	name = slice_of(host, text.len);
	if (name.len > 1 && name.ptr[name.len - 1] == '.')
		name.len--;
	fault = opt_host_fault(name);
	if (fault)
		return opt_text_refuse(why, text, fault);
	buf_commit(out, name.len);
	return 0;
}

int opt_text_url(struct slice text, struct buf *out, struct buf *why)
{
	struct slice rest = text;
	bool has_scheme = true;

	/* It becomes a Location field, so nothing but visible ASCII may get there. */
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] <= ' ' || text.ptr[i] == 0x7f)
			return opt_text_refuse(why, text, "has characters that a URL cannot have");
	}
	if (slice_eq_fold(slice_first(text, 8), SLICE("https://")))
		rest = slice_from(text, 8);
	else if (slice_eq_fold(slice_first(text, 7), SLICE("http://")))
		rest = slice_from(text, 7);
	else
		has_scheme = false;
	if (has_scheme ? !rest.len || strchr("/?#:", rest.ptr[0])
		       : text.ptr[0] != '/' || (text.len > 1 && text.ptr[1] == '/'))
		return opt_text_refuse(
			why, text, "is neither an http:// or https:// URL nor an absolute path");
	buf_append_slice(out, text);
	return 0;
}
