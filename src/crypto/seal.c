/*
 * "<expiry, 16 digits>-<nonce, 32>-<HMAC, 64>". Each part goes into the HMAC behind its length, so
 * that nothing can move from one part into the next.
 */
#include "crypto/seal.h"

#include <stdio.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/num.h"
#include "crypto/ct.h"
#include "crypto/digest.h"
#include "crypto/rand.h"

#define SEAL_EXPIRY_LEN 16
#define SEAL_SIGNED_LEN (SEAL_EXPIRY_LEN + 1 + SEAL_NONCE_LEN) /* what the text itself says */
#define SEAL_PARTS_MAX 8u

struct seal {
	struct digest_hmac *hmac; /* owned */
};

struct seal *seal_new(const uint8_t key[SEAL_KEY_LEN])
{
	struct seal *s = MEM_NEW(struct seal);

	s->hmac = digest_hmac_new(slice_of(key, SEAL_KEY_LEN));
	return s;
}

void seal_free(struct seal **s)
{
	if (!*s)
		return;
	digest_hmac_free(&(*s)->hmac);
	mem_free(*s);
	*s = NULL;
}

static void seal_sign(struct seal *s, struct seal_about about, struct slice said,
	uint8_t mac_out[DIGEST_SHA256_LEN])
{
	struct slice parts[2 * SEAL_PARTS_MAX + 2];
	uint32_t lengths[SEAL_PARTS_MAX + 1];
	size_t n = 0;

	CHECK(about.count <= SEAL_PARTS_MAX);
	for (size_t i = 0; i <= about.count; i++) {
		struct slice part = i < about.count ? about.parts[i] : said;

		lengths[i] = (uint32_t)part.len;
		parts[n++] = slice_of(&lengths[i], sizeof(lengths[i]));
		parts[n++] = part;
	}
	digest_hmac_make(s->hmac, parts, n, mac_out);
}

void seal_mac(struct seal *s, struct seal_about about, uint8_t mac_out[SEAL_MAC_LEN])
{
	seal_sign(s, about, (struct slice) {NULL, 0}, mac_out);
}

void seal_make(struct seal *s, struct seal_about about, uint64_t expires_s,
	char text_out[SEAL_TEXT_LEN + 1])
{
	uint8_t nonce[SEAL_NONCE_LEN / 2], mac[DIGEST_SHA256_LEN];

	rand_bytes(nonce, sizeof(nonce));
	snprintf(text_out, SEAL_EXPIRY_LEN + 2, "%016llx-", (unsigned long long)expires_s);
	digest_hex(nonce, sizeof(nonce), text_out + SEAL_EXPIRY_LEN + 1);
	seal_sign(s, about, slice_of(text_out, SEAL_SIGNED_LEN), mac);
	text_out[SEAL_SIGNED_LEN] = '-';
	digest_hex(mac, sizeof(mac), text_out + SEAL_SIGNED_LEN + 1);
}

uint64_t seal_expires(struct slice text)
{
	uint64_t expires = 0;

	CHECK(num_parse_hex(slice_first(text, SEAL_EXPIRY_LEN), &expires) == 0);
	return expires;
}

struct slice seal_nonce(struct slice text)
{
	return slice_first(slice_from(text, SEAL_EXPIRY_LEN + 1), SEAL_NONCE_LEN);
}

enum seal_verdict seal_check(
	struct seal *s, struct seal_about about, struct slice text, uint64_t now_s)
{
	uint8_t mac[DIGEST_SHA256_LEN];
	char hex[2 * DIGEST_SHA256_LEN + 1];

	if (text.len != SEAL_TEXT_LEN || text.ptr[SEAL_SIGNED_LEN] != '-')
		return SEAL_BAD;
	/* Compared as digits: what is signed like this was written by us, so the rest of its form
	 * needs no look. */
	seal_sign(s, about, slice_first(text, SEAL_SIGNED_LEN), mac);
	digest_hex(mac, sizeof(mac), hex);
	if (!ct_equal(hex, text.ptr + SEAL_SIGNED_LEN + 1, 2 * DIGEST_SHA256_LEN))
		return SEAL_BAD;
	return now_s < seal_expires(text) ? SEAL_GOOD : SEAL_EXPIRED;
}
