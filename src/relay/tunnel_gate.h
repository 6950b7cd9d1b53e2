/*
 * What stands before a tunnel, as it was registered. A tunnel without any of it has no gate at
 * all, so that it pays one look at a pointer.
 */
#ifndef RELAY_TUNNEL_GATE_H
#define RELAY_TUNNEL_GATE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/slice.h"
#include "crypto/webhook.h"

struct gate_password;
struct gate_rules;
struct gate_shares;
struct worker;

/* Who signs what comes. */
struct gate_webhook {
	enum webhook_scheme scheme;
	char *secret; /* owned (base/secret.h) */
};

struct tunnel_gate {
	struct gate_password *password; /* owned; NULL: none is needed */
	struct gate_rules *rules; /* owned; NULL: from anywhere */
	struct gate_webhook *webhook; /* owned; NULL: nothing need be signed */
	struct gate_shares *shares; /* owned; NULL until a link was opened */
};

/* What a gate shall be made of; all of it may be missing, then there is none. All borrowed. */
struct tunnel_gate_wish {
	const char *password_hash; /* NULL: no password */
	const char *allow; /* networks with blanks between them; NULL: any */
	const char *deny; /* NULL: none */
	const char *verify_scheme; /* NULL: nothing need be signed */
	const char *verify_secret;
};

/* Whether lists and scheme are such; a sentence otherwise. */
MUST_CHECK int tunnel_gate_check(const struct tunnel_gate_wish *wish, struct buf *why);

/* NULL when nothing is wished for. The wish was checked. */
struct tunnel_gate *tunnel_gate_new(struct worker *w, const struct tunnel_gate_wish *wish);
void tunnel_gate_free(struct tunnel_gate **gate);
/* Whether it is what such a wish would make: then it can stay, with what it knows of visitors. */
bool tunnel_gate_is(const struct tunnel_gate *gate, const struct tunnel_gate_wish *wish);

/* The relay takes this field of a request for itself and does not pass it on. */
#define TUNNEL_GATE_COOKIES 4u
extern const struct slice tunnel_gate_cookies[TUNNEL_GATE_COOKIES];

#endif
