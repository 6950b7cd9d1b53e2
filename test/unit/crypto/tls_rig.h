/* What tests of the server's side of TLS stand on: a certificate for a.test, and who trusts it. */
#ifndef CRYPTO_TLS_RIG_H
#define CRYPTO_TLS_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* cmocka wants those above first. */
#include <cmocka.h>

#include "crypto/tls.h"
#include "crypto/tls_priv.h"
#include "support/cert.h"
#include "support/tls_pair.h"

extern struct cert ca, leaf;
extern struct tls_client *client;

void tls_rig_open(void);
void tls_rig_close(void);
struct tls_server *server_new(struct tls_tickets *tickets);
/* One connection of the client's, of that version; whether it was resumed. */
bool connect_to(struct tls_server *s, int version);

#endif
