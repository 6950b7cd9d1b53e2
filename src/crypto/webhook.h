/*
 * Signatures of webhooks as three senders make them: Stripe and Slack sign a time and the body,
 * GitHub the body alone. All are HMAC-SHA256 in hexadecimal digits. Pure: the clock is given.
 */
#ifndef CRYPTO_WEBHOOK_H
#define CRYPTO_WEBHOOK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

#define WEBHOOK_TOLERANCE_S 300u /* how far the signed time may be off, either way */

enum webhook_scheme { WEBHOOK_STRIPE, WEBHOOK_GITHUB, WEBHOOK_SLACK, WEBHOOK_SCHEME_COUNT };

enum webhook_verdict {
	WEBHOOK_GOOD,
	WEBHOOK_UNSIGNED, /* the field with the signature, or the time, is missing */
	WEBHOOK_MALFORMED, /* it is not what this sender writes */
	WEBHOOK_STALE, /* signed too long ago, or in the future */
	WEBHOOK_WRONG, /* another secret, or another body */
};

/* All borrowed. The times are texts, because their very digits are signed. */
struct webhook_message {
	struct slice signature; /* the value of webhook_signature_field */
	struct slice timestamp; /* the value of webhook_timestamp_field, if the scheme has one */
	struct slice body;
	uint64_t now_s;
};

/* By its name: stripe, github, slack. */
bool webhook_scheme_of(struct slice name, enum webhook_scheme *scheme_out);
const char *webhook_scheme_name(enum webhook_scheme scheme);
/* The names of the fields that are looked at; the latter is NULL where there is none. */
const char *webhook_signature_field(enum webhook_scheme scheme);
const char *webhook_timestamp_field(enum webhook_scheme scheme);

/* The secret must not be empty. Takes as long for a wrong signature as for a good one. */
enum webhook_verdict webhook_check(
	enum webhook_scheme scheme, struct slice secret, const struct webhook_message *message);
/* What the verdict means, as a sentence for whoever sent it. */
const char *webhook_verdict_text(enum webhook_verdict verdict);

#endif
