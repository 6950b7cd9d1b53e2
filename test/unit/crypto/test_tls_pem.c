/* Certificates and keys from files: what is taken, and what is said about the others. */
#include "crypto/tls_pem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "support/cert.h"

static struct cert ca, leaf, other, old;

static int set_up(void **state)
{
	cert_dir_make();
	cert_make(&ca, &(struct cert_spec) {.name = "ca"});
	cert_make(&leaf, &(struct cert_spec) {.name = "leaf", .issuer = &ca});
	cert_make(&other, &(struct cert_spec) {.name = "other", .issuer = &ca});
	cert_make(&old,
		&(struct cert_spec) {
			.name = "old", .issuer = &ca, .from_s = -864000, .until_s = -86400});
	return 0;
}

static int tear_down(void **state)
{
	cert_forget(&ca);
	cert_forget(&leaf);
	cert_forget(&other);
	cert_forget(&old);
	cert_dir_remove();
	return 0;
}

/* The error, and that the message is of the file and has the words. */
static void check_refused(
	const char *cert_file, const char *key_file, int err, const char *file, const char *words)
{
	struct buf message = {0};
	struct tls_pem pem;

	assert_int_equal(tls_pem_load(&pem, cert_file, key_file, &message), err);
	buf_append_char(&message, '\0');
	assert_ptr_equal(strstr(message.base, file), message.base);
	assert_non_null(strstr(message.base, words));
	assert_null(strchr(message.base, '\n'));
	buf_release(&message);
	tls_pem_deinit(&pem);
}

static void read_file(const char *path, struct buf *out)
{
	FILE *f = fopen(path, "r");

	assert_non_null(f);
	buf_commit(out, fread(buf_reserve(out, 8192), 1, 8192, f));
	fclose(f);
}

/* A file made of two others, of the second as many bytes as told. */
static void join(
	const char *name, const char *a, const char *b, size_t cut, char path[CERT_PATH_MAX])
{
	struct buf text = {0}, tail = {0};

	if (a)
		read_file(a, &text);
	read_file(b, &tail);
	buf_append_slice(&text, slice_first(buf_slice(&tail), buf_len(&tail) - cut));
	cert_path(name, path);
	cert_write_text(path, text.base, buf_len(&text));
	buf_release(&text);
	buf_release(&tail);
}

static void a_pair_is_taken_with_its_chain(void **state)
{
	struct buf message = {0};
	char path[CERT_PATH_MAX];
	struct tls_pem pem;

	join("full.pem", leaf.cert_file, ca.cert_file, 0, path);
	assert_int_equal(tls_pem_load(&pem, path, leaf.key_file, &message), 0);
	assert_int_equal(X509_cmp(pem.leaf, leaf.cert), 0);
	assert_int_equal(sk_X509_num(pem.chain), 1);
	assert_int_equal(buf_len(&message), 0);
	tls_pem_deinit(&pem);
}

static void one_file_may_hold_both(void **state)
{
	struct buf message = {0};
	char path[CERT_PATH_MAX];
	struct tls_pem pem;

	join("both.pem", leaf.cert_file, leaf.key_file, 0, path);
	assert_int_equal(tls_pem_load(&pem, path, path, &message), 0);
	tls_pem_deinit(&pem);
}

static void what_is_wrong_is_said(void **state)
{
	char cut[CERT_PATH_MAX], chain[CERT_PATH_MAX], empty[CERT_PATH_MAX], key[CERT_PATH_MAX];
	char missing[CERT_PATH_MAX];

	join("cut.pem", NULL, leaf.cert_file, 40, cut);
	join("chain.pem", leaf.cert_file, ca.cert_file, 40, chain);
	join("cut.key", NULL, leaf.key_file, 40, key);
	cert_path("empty.pem", empty);
	cert_write_text(empty, "no PEM\n", 7);
	cert_path("missing.pem", missing);
	check_refused(missing, leaf.key_file, ERR_NOT_FOUND, missing, "No such file");
	check_refused(leaf.cert_file, missing, ERR_NOT_FOUND, missing, "No such file");
	check_refused("/tmp", leaf.key_file, ERR_SYSTEM, "/tmp", "cannot be read: Is a directory");
	check_refused(empty, leaf.key_file, ERR_SYNTAX, empty, "no certificate");
	check_refused(leaf.cert_file, empty, ERR_SYNTAX, empty, "no private key");
	check_refused(leaf.cert_file, leaf.cert_file, ERR_SYNTAX, leaf.cert_file, "no private key");
	check_refused(cut, leaf.key_file, ERR_SYNTAX, cut, "cut off");
	check_refused(chain, leaf.key_file, ERR_SYNTAX, chain, "cut off");
	check_refused(leaf.cert_file, key, ERR_SYNTAX, key, "cut off");
	check_refused(
		leaf.cert_file, other.key_file, ERR_SYNTAX, other.key_file, "does not belong");
	check_refused(old.cert_file, old.key_file, ERR_TIMEOUT, old.cert_file, "has expired (2");
}

static void half_a_file_is_never_taken(void **state)
{
	struct buf text = {0}, message = {0};
	char path[CERT_PATH_MAX];
	struct tls_pem pem;

	read_file(leaf.cert_file, &text);
	cert_path("part.pem", path);
	/* The last byte is the line's end, without which it is whole. */
	for (size_t len = 0; len + 1 < buf_len(&text); len += 7) {
		cert_write_text(path, text.base, len);
		assert_true(tls_pem_load(&pem, path, leaf.key_file, &message) < 0);
		tls_pem_deinit(&pem);
		buf_clear(&message);
	}
	buf_release(&text);
	buf_release(&message);
}

static void a_locked_key_is_refused_without_asking(void **state)
{
	char path[CERT_PATH_MAX];
	FILE *f;

	cert_path("locked.key", path);
	f = fopen(path, "w");
	assert_int_equal(PEM_write_PrivateKey(f, leaf.key, EVP_aes_128_cbc(),
				 (const unsigned char *)"secret", 6, NULL, NULL),
		1);
	fclose(f);
	check_refused(leaf.cert_file, path, ERR_DENIED, path, "passphrase");
}

static void a_store_takes_all_of_a_file(void **state)
{
	X509_STORE *store = X509_STORE_new();
	struct buf message = {0};
	char path[CERT_PATH_MAX];

	join("all.pem", leaf.cert_file, ca.cert_file, 0, path);
	assert_int_equal(tls_pem_trust(store, path, &message), 0);
	assert_int_equal(sk_X509_OBJECT_num(X509_STORE_get0_objects(store)), 2);
	assert_int_equal(tls_pem_trust(store, leaf.key_file, &message), ERR_SYNTAX);
	buf_release(&message);
	X509_STORE_free(store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pair_is_taken_with_its_chain),
		cmocka_unit_test(one_file_may_hold_both),
		cmocka_unit_test(what_is_wrong_is_said),
		cmocka_unit_test(half_a_file_is_never_taken),
		cmocka_unit_test(a_locked_key_is_refused_without_asking),
		cmocka_unit_test(a_store_takes_all_of_a_file),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
