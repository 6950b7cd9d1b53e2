/*
 * What shall stand before an http tunnel: a password, networks that may or may not come, and the
 * signatures that webhooks must have. The relay enforces it; here it is only kept and said.
 */
#ifndef AGENT_TUNNEL_GUARD_H
#define AGENT_TUNNEL_GUARD_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/slice.h"

struct control;

struct tunnel_guard {
	char *password; /* owned (base/secret.h); NULL: none */
	char *allow; /* owned; networks parted by one blank; NULL: any */
	char *deny; /* likewise; NULL: none */
	const char *verify_scheme; /* borrowed from a table; NULL: no check */
	char *verify_secret; /* owned (base/secret.h) */
};

/* Each is 0, or ERR_* and a sentence that does not quote a secret. What was there is replaced. */
MUST_CHECK int tunnel_guard_set_password(
	struct tunnel_guard *g, struct slice password, struct buf *why_out);
MUST_CHECK int tunnel_guard_set_verify(
	struct tunnel_guard *g, const char *scheme, struct slice secret, struct buf *why_out);
/* Networks such as "192.0.2.0/24", "2001:db8::1"; NULL-terminated. */
MUST_CHECK int tunnel_guard_print_networks(
	char *const *networks, char **text_out, struct buf *why_out);

/* Into a register message, whose texts are borrowed from here. */
void tunnel_guard_put(const struct tunnel_guard *g, struct control *message);
/* Whether there is anything at all that the relay has to do. */
bool tunnel_guard_is_set(const struct tunnel_guard *g);
bool tunnel_guard_has_secret(const struct tunnel_guard *g);
void tunnel_guard_copy(struct tunnel_guard *to, const struct tunnel_guard *from);
bool tunnel_guard_is_equal(const struct tunnel_guard *a, const struct tunnel_guard *b);
void tunnel_guard_deinit(struct tunnel_guard *g);

#endif
