/* The relay's own certificate: from options to a context that all workers share. */
#ifndef RELAY_RELAY_TLS_H
#define RELAY_RELAY_TLS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"

struct log;
struct relay_conf;
struct tls_server;
struct tls_tickets;

/* NULL without a certificate. On an error the message is one line for a human. */
MUST_CHECK int relay_tls_load(const struct relay_conf *conf, struct tls_tickets *tickets,
	struct tls_server **out, struct buf *message);
/* Whether the options about TLS go together, and the files are good. */
MUST_CHECK int relay_tls_check(const struct relay_conf *conf, bool port_given, struct buf *message);
/* Says when it ends soon. */
void relay_tls_warn(const struct tls_server *server, uint64_t now_ms, struct log *log);
/* Where TLS is listened for. */
const char *relay_tls_address(const struct relay_conf *conf);

#endif
