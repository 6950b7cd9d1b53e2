/*
 * What is signed is put together from the message as it came. Each signature that a field has is
 * compared to the end, so that only their number shows in the time it takes.
 */
#include "crypto/webhook.h"

#include "base/check.h"
#include "base/num.h"
#include "crypto/ct.h"
#include "crypto/digest.h"

#define WEBHOOK_SIGNATURES_MAX 16 /* in one field; Stripe sends two while a secret is rolled */
#define WEBHOOK_HEX_LEN (2 * DIGEST_SHA256_LEN)

struct webhook_kind {
	const char *name;
	const char *signature_field;
	const char *timestamp_field;
};

static const struct webhook_kind webhook_kinds[WEBHOOK_SCHEME_COUNT] = {
	[WEBHOOK_STRIPE] = {"stripe", "Stripe-Signature", NULL},
	[WEBHOOK_GITHUB] = {"github", "X-Hub-Signature-256", NULL},
	[WEBHOOK_SLACK] = {"slack", "X-Slack-Signature", "X-Slack-Request-Timestamp"},
};

/* The signatures that came, and the time as it was signed. */
struct webhook_claim {
	uint8_t macs[WEBHOOK_SIGNATURES_MAX][DIGEST_SHA256_LEN];
	size_t count;
	struct slice timestamp;
};

bool webhook_scheme_of(struct slice name, enum webhook_scheme *scheme_out)
{
	for (unsigned i = 0; i < WEBHOOK_SCHEME_COUNT; i++) {
		if (!slice_eq(name, slice_from_str(webhook_kinds[i].name)))
			continue;
		*scheme_out = (enum webhook_scheme)i;
		return true;
	}
	return false;
}

const char *webhook_scheme_name(enum webhook_scheme scheme)
{
	return webhook_kinds[scheme].name;
}

const char *webhook_signature_field(enum webhook_scheme scheme)
{
	return webhook_kinds[scheme].signature_field;
}

const char *webhook_timestamp_field(enum webhook_scheme scheme)
{
	return webhook_kinds[scheme].timestamp_field;
}

static bool webhook_add(struct webhook_claim *c, struct slice hex)
{
	if (c->count == WEBHOOK_SIGNATURES_MAX ||
		!digest_unhex(hex, c->macs[c->count], DIGEST_SHA256_LEN))
		return false;
	c->count++;
	return true;
}

/* "t=1492774577,v1=...,v1=...,v0=...": other keys are those of other versions. */
static enum webhook_verdict webhook_read_stripe(struct webhook_claim *c, struct slice field)
{
	struct slice rest = field, part;

	while (slice_split(&rest, ',', &part)) {
		part = slice_trim(part);
		if (slice_starts(part, SLICE("t="))) {
			if (c->timestamp.len)
				return WEBHOOK_MALFORMED;
			c->timestamp = slice_from(part, 2);
		} else if (slice_starts(part, SLICE("v1="))) {
			if (!webhook_add(c, slice_from(part, 3)))
				return WEBHOOK_MALFORMED;
		}
	}
	return c->count && c->timestamp.len ? WEBHOOK_GOOD : WEBHOOK_MALFORMED;
}

static enum webhook_verdict webhook_read(
	enum webhook_scheme scheme, const struct webhook_message *m, struct webhook_claim *c)
{
	struct slice prefix = scheme == WEBHOOK_GITHUB ? SLICE("sha256=") : SLICE("v0=");

	if (!m->signature.len || (webhook_kinds[scheme].timestamp_field && !m->timestamp.len))
		return WEBHOOK_UNSIGNED;
	if (scheme == WEBHOOK_STRIPE)
		return webhook_read_stripe(c, m->signature);
	c->timestamp = m->timestamp;
	if (!slice_starts(m->signature, prefix) ||
		!webhook_add(c, slice_from(m->signature, prefix.len)))
		return WEBHOOK_MALFORMED;
	return WEBHOOK_GOOD;
}

static enum webhook_verdict webhook_check_time(const struct webhook_claim *c, uint64_t now_s)
{
	uint64_t then;

	if (num_parse_u64(c->timestamp, &then) != 0)
		return WEBHOOK_MALFORMED;
	if ((then < now_s ? now_s - then : then - now_s) > WEBHOOK_TOLERANCE_S)
		return WEBHOOK_STALE;
	return WEBHOOK_GOOD;
}

static void webhook_sign(enum webhook_scheme scheme, struct slice secret,
	const struct webhook_message *m, struct slice timestamp, uint8_t *mac_out)
{
	const struct slice stripe[] = {timestamp, SLICE("."), m->body};
	const struct slice slack[] = {SLICE("v0:"), timestamp, SLICE(":"), m->body};

	switch (scheme) {
	case WEBHOOK_STRIPE:
		digest_hmac_sha256(secret, stripe, 3, mac_out);
		return;
	case WEBHOOK_GITHUB:
		digest_hmac_sha256(secret, &m->body, 1, mac_out);
		return;
	case WEBHOOK_SLACK:
		digest_hmac_sha256(secret, slack, 4, mac_out);
		return;
	case WEBHOOK_SCHEME_COUNT:
		break;
	}
	UNREACHABLE();
}

enum webhook_verdict webhook_check(
	enum webhook_scheme scheme, struct slice secret, const struct webhook_message *message)
{
	struct webhook_claim claim = {.count = 0};
	enum webhook_verdict verdict = webhook_read(scheme, message, &claim);
	uint8_t mac[DIGEST_SHA256_LEN];
	bool good = false;

	if (verdict == WEBHOOK_GOOD && scheme != WEBHOOK_GITHUB)
		verdict = webhook_check_time(&claim, message->now_s);
	if (verdict != WEBHOOK_GOOD)
		return verdict;
	webhook_sign(scheme, secret, message, claim.timestamp, mac);
	for (size_t i = 0; i < claim.count; i++)
		good |= ct_equal(mac, claim.macs[i], sizeof(mac));
	return good ? WEBHOOK_GOOD : WEBHOOK_WRONG;
}

const char *webhook_verdict_text(enum webhook_verdict verdict)
{
	switch (verdict) {
	case WEBHOOK_GOOD:
		return "The signature is good.";
	case WEBHOOK_UNSIGNED:
		return "The request is not signed.";
	case WEBHOOK_MALFORMED:
		return "The signature is not in the form that this sender uses.";
	case WEBHOOK_STALE:
		return "The request was signed more than five minutes ago, or in the future.";
	case WEBHOOK_WRONG:
		return "The signature does not belong to this body, or was made with another "
		       "secret.";
	}
	UNREACHABLE();
}
