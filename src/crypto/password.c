/* The one user of libxcrypt. Its state holds what it hashed, and is wiped. */
#include "crypto/password.h"

#include <crypt.h>
#include <openssl/evp.h>

#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "crypto/ct.h"
#include "crypto/digest.h"

#define PASSWORD_SETTING_LEN 29 /* "$2b$10$" and 22 digits of salt */

bool password_is_allowed(struct slice password)
{
	return password.len >= PASSWORD_MIN && password.len <= PASSWORD_MAX;
}

void password_digest(struct slice password, struct password_digest *out)
{
	uint8_t digest[DIGEST_SHA256_LEN];

	digest_sha256(password, digest);
	CHECK(EVP_EncodeBlock((unsigned char *)out->text, digest, sizeof(digest)) ==
		PASSWORD_DIGEST_LEN);
	mem_wipe(digest, sizeof(digest));
}

/* The hash that the setting, which may be a hash, leads to; false when it is none. */
static bool password_crypt(const struct password_digest *digest, const char *setting,
	char hash_out[PASSWORD_HASH_LEN + 1])
{
	struct crypt_data *state = MEM_NEW(struct crypt_data);
	const char *hash = crypt_r(digest->text, setting, state);
	bool made = hash && hash[0] == '$' && strlen(hash) == PASSWORD_HASH_LEN;

	if (made)
		memcpy(hash_out, hash, PASSWORD_HASH_LEN + 1);
	mem_wipe(state, sizeof(*state));
	mem_free(state);
	return made;
}

int password_hash(const struct password_digest *digest, unsigned cost,
	const uint8_t salt[PASSWORD_SALT_LEN], char hash_out[PASSWORD_HASH_LEN + 1])
{
	char setting[CRYPT_GENSALT_OUTPUT_SIZE];

	CHECK(cost >= PASSWORD_COST_MIN && cost <= PASSWORD_COST_MAX);
	if (!crypt_gensalt_rn(
		    "$2b$", cost, (const char *)salt, PASSWORD_SALT_LEN, setting, sizeof(setting)))
		return ERR_SYSTEM;
	return password_crypt(digest, setting, hash_out) ? 0 : ERR_SYSTEM;
}

bool password_matches(const struct password_digest *digest, const char *hash)
{
	char made[PASSWORD_HASH_LEN + 1];

	if (strlen(hash) != PASSWORD_HASH_LEN || strncmp(hash, "$2b$", 4) != 0)
		return false;
	return password_crypt(digest, hash, made) && ct_equal(made, hash, PASSWORD_HASH_LEN);
}
