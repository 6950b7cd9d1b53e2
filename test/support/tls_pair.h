/* A client and a server of TLS that speak in memory, with all that goes over the wire at hand. */
#ifndef SUPPORT_TLS_PAIR_H
#define SUPPORT_TLS_PAIR_H

#include "base/buf.h"
#include "crypto/tls.h"

struct tls_end {
	struct tls *tls; /* owned */
	struct buf wire; /* on the way to it */
	struct buf data; /* what it has read */
	enum tls_result result; /* of the last call */
};

struct tls_pair {
	struct tls_end client, server;
};

/* Takes nothing; the contexts stay the caller's. */
void tls_pair_init(
	struct tls_pair *p, struct tls_client *client, const char *host, struct tls_server *server);
void tls_pair_deinit(struct tls_pair *p);
/* Lets an end read what is on the way to it, in pieces of a size at most; 0 is all at once. */
void tls_pair_read(struct tls_end *end, struct tls_end *other, size_t piece);
/* Until neither has anything to read. */
void tls_pair_run(struct tls_pair *p, size_t piece);

#endif
