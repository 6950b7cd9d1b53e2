/*
 * HMAC through OpenSSL's EVP_MAC. A failure in here is a broken installation of the library or an
 * exhausted machine, never something a peer can cause, hence CHECK.
 */
#include "crypto/digest.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/sha.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/num.h"

struct digest_hmac {
	EVP_MAC_CTX *ctx; /* owned */
};

void digest_sha256(struct slice data, uint8_t digest_out[DIGEST_SHA256_LEN])
{
	CHECK(SHA256((const unsigned char *)data.ptr, data.len, digest_out));
}

struct digest_hmac *digest_hmac_new(struct slice key)
{
	char digest_name[] = "SHA256";
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest_name, 0),
		OSSL_PARAM_construct_end(),
	};
	struct digest_hmac *h = MEM_NEW(struct digest_hmac);
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);

	h->ctx = EVP_MAC_CTX_new(mac);
	CHECK(mac && h->ctx && key.len);
	CHECK(EVP_MAC_init(h->ctx, (const unsigned char *)key.ptr, key.len, params) == 1);
	EVP_MAC_free(mac);
	return h;
}

void digest_hmac_free(struct digest_hmac **h)
{
	if (!*h)
		return;
	EVP_MAC_CTX_free((*h)->ctx);
	mem_free(*h);
	*h = NULL;
}

void digest_hmac_make(struct digest_hmac *h, const struct slice *parts, size_t count,
	uint8_t mac_out[DIGEST_SHA256_LEN])
{
	size_t len = 0;

	/* Without a key it begins anew with the one it has. */
	CHECK(EVP_MAC_init(h->ctx, NULL, 0, NULL) == 1);
	for (size_t i = 0; i < count; i++) {
		if (parts[i].len)
			CHECK(EVP_MAC_update(h->ctx, (const unsigned char *)parts[i].ptr,
				      parts[i].len) == 1);
	}
	CHECK(EVP_MAC_final(h->ctx, mac_out, &len, DIGEST_SHA256_LEN) == 1);
	CHECK(len == DIGEST_SHA256_LEN);
}

void digest_hmac_sha256(struct slice key, const struct slice *parts, size_t count,
	uint8_t mac_out[DIGEST_SHA256_LEN])
{
	struct digest_hmac *h = digest_hmac_new(key);

	digest_hmac_make(h, parts, count, mac_out);
	digest_hmac_free(&h);
}

void digest_hex(const uint8_t *data, size_t len, char *out)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < len; i++) {
		out[2 * i] = digits[data[i] >> 4];
		out[2 * i + 1] = digits[data[i] & 15];
	}
	out[2 * len] = '\0';
}

bool digest_unhex(struct slice text, uint8_t *out, size_t len)
{
	uint64_t value = 0;

	if (text.len != 2 * len)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (num_parse_hex(slice_of(text.ptr + 2 * i, 2), &value) != 0)
			return false;
		out[i] = (uint8_t)value;
	}
	return true;
}
