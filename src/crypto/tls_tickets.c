/*
 * A chain of hashes: each key is made of the one before it, which is then only kept to open, and
 * one change later wiped. The form of the tickets is that of RFC 5077, 4.
 */
#include "crypto/tls_tickets.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <pthread.h>

#include "base/check.h"
#include "base/mem.h"
#include "crypto/digest.h"
#include "crypto/rand.h"
#include "crypto/tls.h"

#define TLS_TICKETS_NAME_LEN 16
#define TLS_TICKETS_KEY_LEN 32
#define TLS_TICKETS_IV_LEN 16

#define TLS_TICKETS_LEN (TLS_TICKETS_NAME_LEN + 2 * TLS_TICKETS_KEY_LEN)
/* How the bytes of a key are divided. */
struct tls_tickets_key {
	uint8_t name[TLS_TICKETS_NAME_LEN];
	uint8_t mac[TLS_TICKETS_KEY_LEN];
	uint8_t cipher[TLS_TICKETS_KEY_LEN];
};

struct tls_tickets {
	pthread_mutex_t lock;
	uint8_t current[TLS_TICKETS_LEN];
	uint8_t previous[TLS_TICKETS_LEN];
	bool has_previous;
};

struct tls_tickets *tls_tickets_new(void)
{
	struct tls_tickets *t = MEM_NEW(struct tls_tickets);

	CHECK(pthread_mutex_init(&t->lock, NULL) == 0);
	rand_bytes(t->current, sizeof(t->current));
	return t;
}

void tls_tickets_free(struct tls_tickets **tickets)
{
	struct tls_tickets *t = *tickets;

	*tickets = NULL;
	if (!t)
		return;
	pthread_mutex_destroy(&t->lock);
	mem_wipe(t, sizeof(*t));
	mem_free(t);
}

/* One way: HMAC under the whole old key. */
static void tls_tickets_next(const uint8_t *key, uint8_t *next_out)
{
	uint8_t bytes[3 * DIGEST_SHA256_LEN];

	for (size_t i = 0; i < 3; i++) {
		char label[] = "adit-ticket-0";
		struct slice part = slice_of(label, sizeof(label) - 1);

		label[sizeof(label) - 2] = (char)('0' + i);
		digest_hmac_sha256(
			slice_of(key, TLS_TICKETS_LEN), &part, 1, bytes + i * DIGEST_SHA256_LEN);
	}
	memcpy(next_out, bytes, TLS_TICKETS_LEN);
	mem_wipe(bytes, sizeof(bytes));
}

void tls_tickets_rotate(struct tls_tickets *t)
{
	pthread_mutex_lock(&t->lock);
	memcpy(t->previous, t->current, sizeof(t->previous));
	t->has_previous = true;
	tls_tickets_next(t->previous, t->current);
	pthread_mutex_unlock(&t->lock);
}

static int tls_tickets_set_mac(EVP_MAC_CTX *mac, struct tls_tickets_key *key)
{
	char digest[] = "SHA256";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key->mac, sizeof(key->mac)),
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end(),
	};

	return EVP_MAC_CTX_set_params(mac, params);
}

/* The key of that name, for opening; 0: there is none, 1: it is the current one, 2: the previous.
 */
static int tls_tickets_find(
	struct tls_tickets *t, const unsigned char *name, struct tls_tickets_key *key_out)
{
	int found = 0;

	pthread_mutex_lock(&t->lock);
	if (memcmp(name, t->current, TLS_TICKETS_NAME_LEN) == 0)
		found = 1;
	else if (t->has_previous && memcmp(name, t->previous, TLS_TICKETS_NAME_LEN) == 0)
		found = 2;
	if (found)
		memcpy(key_out, found == 1 ? t->current : t->previous, sizeof(*key_out));
	pthread_mutex_unlock(&t->lock);
	return found;
}

static void tls_tickets_get_current(struct tls_tickets *t, struct tls_tickets_key *key_out)
{
	pthread_mutex_lock(&t->lock);
	memcpy(key_out, t->current, sizeof(*key_out));
	pthread_mutex_unlock(&t->lock);
}

static int tls_tickets_on_key(SSL *ssl, unsigned char *name, unsigned char *iv,
	EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int seals)
{
	struct tls_tickets *t = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	struct tls_tickets_key key;
	int result = 1, good;

	if (seals) {
		tls_tickets_get_current(t, &key);
		memcpy(name, key.name, sizeof(key.name));
		rand_bytes(iv, TLS_TICKETS_IV_LEN);
		good = EVP_EncryptInit_ex2(cipher, EVP_aes_256_cbc(), key.cipher, iv, NULL);
	} else {
		result = tls_tickets_find(t, name, &key);
		/* With 2 the library sends a new one; in TLS 1.3 a ticket is for one use. */
		if (result && SSL_version(ssl) >= TLS1_3_VERSION)
			result = 2;
		good = result &&
			EVP_DecryptInit_ex2(cipher, EVP_aes_256_cbc(), key.cipher, iv, NULL) == 1;
	}
	if (result && (good != 1 || tls_tickets_set_mac(mac, &key) != 1))
		result = -1;
	mem_wipe(&key, sizeof(key));
	return result;
}

void tls_tickets_use(struct tls_tickets *t, SSL_CTX *ctx)
{
	SSL_CTX_set_app_data(ctx, t);
	CHECK(SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, tls_tickets_on_key) == 1);
}
