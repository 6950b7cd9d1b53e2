/*
 * Certificates made on the spot, in PEM files below a directory that goes with the test. A failure
 * to make one fails the test.
 */
#ifndef SUPPORT_CERT_H
#define SUPPORT_CERT_H

#include <openssl/x509.h>

#define CERT_PATH_MAX 256

struct cert {
	X509 *cert;
	EVP_PKEY *key;
	char cert_file[CERT_PATH_MAX];
	char key_file[CERT_PATH_MAX];
};

struct cert_spec {
	const char *name; /* of the subject, and of the files */
	const char *san; /* "DNS:a.test,IP:127.0.0.1", or NULL */
	const struct cert *issuer; /* NULL: it signs itself, and may sign others */
	long from_s; /* from now on; both 0: an hour ago and in a day */
	long until_s;
};

/* A directory of its own for this test; cert_dir_remove takes it away with all files. */
void cert_dir_make(void);
void cert_dir_remove(void);
/* A path in it. */
void cert_path(const char *name, char out[CERT_PATH_MAX]);
void cert_write_text(const char *path, const char *text, size_t len);
void cert_make(struct cert *c, const struct cert_spec *spec);
void cert_forget(struct cert *c);

#endif
