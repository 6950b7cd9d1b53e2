/*
 * The fields of the request for a link, and what the relay's answer must prove (docs/protocol.md,
 * 1 and 5). Pure but for what is handed in.
 */
#ifndef AGENT_HANDSHAKE_H
#define AGENT_HANDSHAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"
#include "crypto/resume_proof.h"

struct control;

#define HANDSHAKE_SESSION_MAX 64u

/* What is needed to continue a session. */
struct handshake_ticket {
	char session[HANDSHAKE_SESSION_MAX + 1];
	uint8_t secret[RESUME_PROOF_SECRET_LEN];
	uint64_t epoch; /* of the last attempt */
};

/* False if the texts are not what the protocol allows: then nothing can be resumed. */
bool handshake_ticket_init(struct handshake_ticket *t, const char *session, const char *secret);
void handshake_ticket_wipe(struct handshake_ticket *t);

/* The relay takes nonces that are some time older than the request. */
#define HANDSHAKE_NONCE_SPREAD_MS 1000u
/* Authorization, X-Timestamp and X-Nonce. The nonce is the time made so much older: agents that
 * share a secret may ask in the same millisecond. */
void handshake_sign(struct buf *fields, const char *secret, uint64_t wall_ms, uint32_t older_ms);
/* What an agent shows to be let in; each may be NULL. Borrowed. */
struct handshake_who {
	const char *hmac_secret;
	const char *key; /* of an account */
};
/* Authorization and what belongs to it: the signature, and the key; in X-Adit-Key if both are
 * there. Makes room first, so that growing fields leave no copies of the key behind. */
void handshake_identify(
	struct buf *fields, const struct handshake_who *who, uint64_t wall_ms, uint32_t older_ms);
void handshake_beside(struct buf *fields, const char *session);
/* The tunnel that will be asked for first; nothing when the wish is for any. */
void handshake_tunnel(struct buf *fields, const struct control *wish);
/* Counts the epoch up. A relay that cannot go on may begin another session on the same link. */
void handshake_resume(struct buf *fields, struct handshake_ticket *t, uint64_t received);
/* Whether the relay knows the secret as well, and said `received` for this very attempt. */
bool handshake_is_proven(
	const struct handshake_ticket *t, uint64_t peer_received, struct slice proof);

#endif
