/* What a tunnel should be, as the command line or tunnels.yaml says. */
#ifndef AGENT_TUNNEL_SPEC_H
#define AGENT_TUNNEL_SPEC_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/tunnel_guard.h"
#include "base/attr.h"
#include "base/buf.h"
#include "base/slice.h"

enum tunnel_proto { TUNNEL_HTTP, TUNNEL_TCP };

/* Where the local service is. */
struct target {
	char *host; /* owned; NULL with a path */
	uint16_t port;
	char *path; /* owned; a unix socket, or NULL */
	bool tls;
	char *name; /* owned; what its certificate is for; NULL: the host */
};

enum tunnel_verify { TUNNEL_VERIFY_ON, TUNNEL_VERIFY_OFF };

struct tunnel_spec {
	char *label; /* owned; its name in tunnels.yaml; "http 3000" from a command line */
	enum tunnel_proto proto;
	struct target target;
	char *subdomain; /* owned; NULL: any */
	uint16_t remote_port; /* 0: any */
	char *host_header; /* owned; NULL: as the visitor sent it; "rewrite": the target's */
	enum tunnel_verify verify; /* the local service's certificate */
	char *ca_file; /* owned; for it, or NULL */
	unsigned proxy_protocol; /* 0: none, 1 or 2 */
	struct tunnel_guard guard; /* of an http tunnel */
};

/*
 * "3000", "host:3000", "[::1]:3000", "http://host", "https://host:8443", "unix:/path". What an
 * http tunnel without a port means is the scheme's own. On ERR_SYNTAX or ERR_RANGE why_out has a
 * sentence that names the text and what is allowed.
 */
MUST_CHECK int target_parse(
	struct slice text, enum tunnel_proto proto, struct target *out, struct buf *why_out);
/* "http://localhost:3000", "localhost:5432", "unix:/path". */
void target_print(struct buf *out, const struct target *t, enum tunnel_proto proto);
/* The Host header that names the target: "localhost:3000", without the scheme's own port. */
void target_print_host(struct buf *out, const struct target *t);
/* What TLS is told, and its certificate has to name. */
const char *target_tls_name(const struct target *t);
/* Another name for that than the host, or NULL. On ERR_SYNTAX why_out has a sentence. */
MUST_CHECK int target_set_name(struct target *t, const char *name, struct buf *why_out);
void target_deinit(struct target *t);

void tunnel_spec_deinit(struct tunnel_spec *spec);
void tunnel_spec_copy(struct tunnel_spec *to, const struct tunnel_spec *from);
bool tunnel_spec_is_equal(const struct tunnel_spec *a, const struct tunnel_spec *b);

#endif
