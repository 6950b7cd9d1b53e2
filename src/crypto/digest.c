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
#include "base/num.h"

void digest_sha256(struct slice data, uint8_t digest_out[DIGEST_SHA256_LEN])
{
	CHECK(SHA256((const unsigned char *)data.ptr, data.len, digest_out));
}

void digest_hmac_sha256(struct slice key, const struct slice *parts, size_t count,
	uint8_t mac_out[DIGEST_SHA256_LEN])
{
	char digest_name[] = "SHA256";
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest_name, 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(mac);
	size_t len = 0;

	CHECK(mac && ctx && key.len);
	CHECK(EVP_MAC_init(ctx, (const unsigned char *)key.ptr, key.len, params) == 1);
	for (size_t i = 0; i < count; i++) {
		if (parts[i].len)
			CHECK(EVP_MAC_update(
				      ctx, (const unsigned char *)parts[i].ptr, parts[i].len) == 1);
	}
	CHECK(EVP_MAC_final(ctx, mac_out, &len, DIGEST_SHA256_LEN) == 1);
	CHECK(len == DIGEST_SHA256_LEN);
	EVP_MAC_CTX_free(ctx);
	EVP_MAC_free(mac);
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
