/* A server's and a client's context that trust each other, for the name a.test. One at a time. */
#ifndef SUPPORT_TLS_CONTEXT_H
#define SUPPORT_TLS_CONTEXT_H

#include "crypto/tls.h"

extern struct tls_server *tls_context_server;
extern struct tls_client *tls_context_client;

/* As cmocka wants them. */
int tls_context_open(void **state);
int tls_context_close(void **state);

#endif
