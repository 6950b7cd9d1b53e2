/* EC keys on P-256, because they are made in no time. */
#include "support/cert.h"

#include <dirent.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"

static char cert_dir[] = "/tmp/adit-cert-XXXXXX";

void cert_dir_make(void)
{
	memcpy(cert_dir + sizeof(cert_dir) - 7, "XXXXXX", 6);
	CHECK(mkdtemp(cert_dir));
}

void cert_dir_remove(void)
{
	DIR *dir = opendir(cert_dir);
	struct dirent *entry;
	char path[CERT_PATH_MAX];

	CHECK(dir);
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		cert_path(entry->d_name, path);
		CHECK(unlink(path) == 0);
	}
	closedir(dir);
	CHECK(rmdir(cert_dir) == 0);
}

void cert_path(const char *name, char out[CERT_PATH_MAX])
{
	CHECK(snprintf(out, CERT_PATH_MAX, "%s/%.200s", cert_dir, name) < CERT_PATH_MAX);
}

void cert_write_text(const char *path, const char *text, size_t len)
{
	FILE *f = fopen(path, "w");

	CHECK(f && fwrite(text, 1, len, f) == len);
	CHECK(fclose(f) == 0);
}

static void cert_extend(X509 *cert, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *extension;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	CHECK(extension && X509_add_ext(cert, extension, -1) == 1);
	X509_EXTENSION_free(extension);
}

static void cert_write(struct cert *c, const char *name)
{
	char file[CERT_PATH_MAX];
	FILE *f;

	snprintf(file, sizeof(file), "%.100s.pem", name);
	cert_path(file, c->cert_file);
	snprintf(file, sizeof(file), "%.100s.key", name);
	cert_path(file, c->key_file);
	f = fopen(c->cert_file, "w");
	CHECK(f && PEM_write_X509(f, c->cert) == 1 && fclose(f) == 0);
	f = fopen(c->key_file, "w");
	CHECK(f && PEM_write_PrivateKey(f, c->key, NULL, NULL, 0, NULL, NULL) == 1 &&
		fclose(f) == 0);
}

void cert_make(struct cert *c, const struct cert_spec *spec)
{
	static long serial = 1;
	bool fixed = spec->from_s || spec->until_s;
	const struct cert *issuer = spec->issuer ? spec->issuer : c;

	*c = (struct cert) {.cert = X509_new(), .key = EVP_EC_gen("P-256")};
	CHECK(c->cert && c->key && X509_set_version(c->cert, X509_VERSION_3) == 1);
	ASN1_INTEGER_set(X509_get_serialNumber(c->cert), serial++);
	X509_gmtime_adj(X509_getm_notBefore(c->cert), fixed ? spec->from_s : -3600);
	X509_gmtime_adj(X509_getm_notAfter(c->cert), fixed ? spec->until_s : 86400);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(c->cert), "CN", MBSTRING_ASC,
		(const unsigned char *)spec->name, -1, -1, 0);
	X509_set_issuer_name(c->cert, X509_get_subject_name(issuer->cert));
	X509_set_pubkey(c->cert, c->key);
	if (spec->san)
		cert_extend(c->cert, NID_subject_alt_name, spec->san);
	if (!spec->issuer)
		cert_extend(c->cert, NID_basic_constraints, "critical,CA:TRUE");
	CHECK(X509_sign(c->cert, issuer->key, EVP_sha256()) > 0);
	cert_write(c, spec->name);
}

void cert_forget(struct cert *c)
{
	X509_free(c->cert);
	EVP_PKEY_free(c->key);
	*c = (struct cert) {0};
}
