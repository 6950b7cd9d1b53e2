/*
 * Reads PEM through OpenSSL from a copy in memory, so that what cannot be opened and what cannot
 * be understood are told apart. Keys with a passphrase are refused instead of asking for it. The
 * copy of a key is wiped.
 */
#include "crypto/tls_pem.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "base/mem.h"

#define TLS_PEM_FILE_MAX (4u << 20) /* the system's whole store is a quarter of it */

static int tls_pem_say(struct buf *message, const char *file, int err, const char *what)
{
	buf_printf(message, "%s: %s", file, what);
	return err;
}

static int tls_pem_read_all(FILE *f, struct buf *out)
{
	size_t n;

	do {
		n = fread(buf_reserve(out, 16384), 1, 16384, f);
		buf_commit(out, n);
		if (buf_len(out) > TLS_PEM_FILE_MAX) {
			errno = EFBIG;
			return -1;
		}
	} while (n);
	return ferror(f) ? -1 : 0;
}

static void tls_pem_forget(struct buf *content)
{
	if (content->base)
		mem_wipe(content->base, content->cap);
	buf_release(content);
}

static int tls_pem_read(const char *file, struct buf *out, struct buf *message)
{
	FILE *f = fopen(file, "re");
	int e = 0;

	if (!f || tls_pem_read_all(f, out) != 0)
		e = errno ? errno : EIO;
	if (f)
		fclose(f);
	if (!e)
		return 0;
	buf_printf(message, "%s: cannot be read: %s", file, strerror(e));
	return err_from_errno(e);
}

/* Nobody is there to be asked for a passphrase. */
static int tls_pem_on_passphrase(char *out, int size, int writing, void *ctx)
{
	*(bool *)ctx = true;
	return -1;
}

/* After the last certificate: whether the file just ended. */
static bool tls_pem_is_end(void)
{
	unsigned long e = ERR_peek_last_error();

	return ERR_GET_LIB(e) == ERR_LIB_PEM && ERR_GET_REASON(e) == PEM_R_NO_START_LINE;
}

static int tls_pem_parse_certs(
	struct slice text, const char *file, STACK_OF(X509) * certs, struct buf *message)
{
	BIO *bio = BIO_new_mem_buf(text.ptr, (int)text.len);
	bool asked = false;
	X509 *cert;
	int err = 0;

	ERR_clear_error();
	while ((cert = PEM_read_bio_X509(bio, NULL, tls_pem_on_passphrase, &asked)) != NULL)
		sk_X509_push(certs, cert);
	if (!tls_pem_is_end())
		err = tls_pem_say(
			message, file, ERR_SYNTAX, "a certificate in it is damaged or cut off");
	else if (!sk_X509_num(certs))
		err = tls_pem_say(message, file, ERR_SYNTAX,
			"there is no certificate in it (PEM is expected)");
	ERR_clear_error();
	BIO_free(bio);
	return err;
}

static int tls_pem_read_certs(const char *file, STACK_OF(X509) * certs, struct buf *message)
{
	struct buf content;
	int err;

	buf_init(&content);
	err = tls_pem_read(file, &content, message);
	if (!err)
		err = tls_pem_parse_certs(buf_slice(&content), file, certs, message);
	buf_release(&content);
	return err;
}

static EVP_PKEY *tls_pem_parse_key(struct slice text, bool *asked_out)
{
	BIO *bio = BIO_new_mem_buf(text.ptr, (int)text.len);
	EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, tls_pem_on_passphrase, asked_out);

	BIO_free(bio);
	return key;
}

/* The decoder's own errors do not tell a key that is cut off from no key at all. */
static bool tls_pem_has_key(struct slice text)
{
	static const char mark[] = "PRIVATE KEY-----";

	return memmem(text.ptr, text.len, mark, sizeof(mark) - 1) != NULL;
}

static int tls_pem_read_key(const char *file, EVP_PKEY **key_out, struct buf *message)
{
	bool asked = false;
	struct buf content;
	int err;

	buf_init(&content);
	err = tls_pem_read(file, &content, message);
	if (!err) {
		ERR_clear_error();
		*key_out = tls_pem_parse_key(buf_slice(&content), &asked);
		if (!*key_out && asked)
			err = tls_pem_say(message, file, ERR_DENIED,
				"the key is locked with a passphrase; store it without one");
		else if (!*key_out && !tls_pem_has_key(buf_slice(&content)))
			err = tls_pem_say(message, file, ERR_SYNTAX,
				"there is no private key in it (PEM is expected)");
		else if (!*key_out)
			err = tls_pem_say(message, file, ERR_SYNTAX,
				"the private key in it is damaged or cut off");
		ERR_clear_error();
	}
	tls_pem_forget(&content);
	return err;
}

static int tls_pem_check(
	const struct tls_pem *pem, const char *cert_file, const char *key_file, struct buf *message)
{
	uint64_t ends = tls_pem_time(X509_get0_notAfter(pem->leaf));
	int fits = X509_check_private_key(pem->leaf, pem->key);
	time_t when = (time_t)ends;
	struct tm day;
	char text[32];

	ERR_clear_error();
	if (fits != 1) {
		buf_printf(message, "%s: the key does not belong to the certificate in %s",
			key_file, cert_file);
		return ERR_SYNTAX;
	}
	if (X509_cmp_current_time(X509_get0_notAfter(pem->leaf)) > 0)
		return 0;
	gmtime_r(&when, &day);
	strftime(text, sizeof(text), "%Y-%m-%d", &day);
	buf_printf(message, "%s: the certificate has expired (%s)", cert_file, text);
	return ERR_TIMEOUT;
}

int tls_pem_load(
	struct tls_pem *pem, const char *cert_file, const char *key_file, struct buf *message)
{
	int err;

	*pem = (struct tls_pem) {.chain = sk_X509_new_null()};
	err = tls_pem_read_certs(cert_file, pem->chain, message);
	if (!err) {
		pem->leaf = sk_X509_shift(pem->chain);
		err = tls_pem_read_key(key_file, &pem->key, message);
	}
	return err ? err : tls_pem_check(pem, cert_file, key_file, message);
}

void tls_pem_deinit(struct tls_pem *pem)
{
	X509_free(pem->leaf);
	sk_X509_pop_free(pem->chain, X509_free);
	EVP_PKEY_free(pem->key);
	*pem = (struct tls_pem) {0};
}

int tls_pem_trust(X509_STORE *store, const char *file, struct buf *message)
{
	STACK_OF(X509) *certs = sk_X509_new_null();
	int err = tls_pem_read_certs(file, certs, message);

	for (int i = 0; !err && i < sk_X509_num(certs); i++) {
		if (X509_STORE_add_cert(store, sk_X509_value(certs, i)) != 1)
			err = tls_pem_say(
				message, file, ERR_SYNTAX, "a certificate in it cannot be used");
	}
	ERR_clear_error();
	sk_X509_pop_free(certs, X509_free);
	return err;
}

uint64_t tls_pem_time(const ASN1_TIME *time)
{
	struct tm parts;
	time_t seconds = -1;

	if (ASN1_TIME_to_tm(time, &parts) == 1)
		seconds = timegm(&parts);
	return seconds < 0 ? 0 : (uint64_t)seconds;
}
