/*
 * The fields by which a link continues a session (docs/protocol.md, 5), and their proofs. Pure.
 */
#ifndef RELAY_AGENT_RESUME_H
#define RELAY_AGENT_RESUME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/slice.h"
#include "crypto/resume_proof.h"

struct http_head;

/* What a request for another link says. */
struct agent_resume {
	struct slice session; /* borrowed */
	uint64_t epoch;
	uint64_t received;
	struct slice proof; /* borrowed */
	bool or_afresh; /* or it begins another session */
};

/* ERR_NOT_FOUND: the request continues nothing. ERR_SYNTAX: it wants to, but not like this; then
 * there is no proof. */
MUST_CHECK int agent_resume_read(const struct http_head *head, struct agent_resume *out);
/* Whether the proof was made with the secret, in constant time. */
bool agent_resume_is_proven(
	const struct agent_resume *resume, const uint8_t secret[RESUME_PROOF_SECRET_LEN]);
/* The relay's own proof, of what it has received, as hexadecimal text. */
void agent_resume_prove(const struct agent_resume *resume, uint64_t received,
	const uint8_t secret[RESUME_PROOF_SECRET_LEN], char out[RESUME_PROOF_TEXT_LEN + 1]);

#endif
