/*
 * What shows that a peer knows a session's secret when it continues the session over another link
 * (docs/protocol.md, 5). Each side has a label of its own, so that nobody can send a proof back.
 */
#ifndef CRYPTO_RESUME_PROOF_H
#define CRYPTO_RESUME_PROOF_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

#define RESUME_PROOF_SECRET_LEN 32
#define RESUME_PROOF_TEXT_LEN 64 /* hexadecimal digits */

enum resume_proof_side { RESUME_PROOF_AGENT, RESUME_PROOF_RELAY };

struct resume_proof {
	enum resume_proof_side side;
	struct slice session; /* borrowed; its id */
	uint64_t epoch;
	uint64_t received;
};

/* Lower-case digits and a NUL. */
void resume_proof_make(const uint8_t secret[RESUME_PROOF_SECRET_LEN], const struct resume_proof *p,
	char text_out[RESUME_PROOF_TEXT_LEN + 1]);
/* Takes the same time whatever the text is, if it has the right length. */
bool resume_proof_check(const uint8_t secret[RESUME_PROOF_SECRET_LEN], const struct resume_proof *p,
	struct slice text);

#endif
