/*
 * What the workers of one relay have in common. It is there before them and after them; each part
 * never changes while they run, is atomic, or has a lock of its own.
 */
#ifndef RELAY_RELAY_SHARED_H
#define RELAY_RELAY_SHARED_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "proto/mux_tail.h"

struct admin_service;
struct book;
struct crew;
struct directory;
struct hmac_auth;
struct holdings;
struct log;
struct ports;
struct peer_log;
struct refusals;
struct relay_conf;
struct store;
struct tls_server;
struct usages;
struct worker;

#define RELAY_SHARED_SECRET_LEN 32

struct relay_shared {
	struct log *log;
	struct directory *directory;
	struct ports *ports; /* NULL: the kernel chooses */
	struct ports *tcp_ports; /* of TCP tunnels; NULL: there are none */
	struct refusals *refusals;
	struct refusals *notices; /* the relay's own, which no peer shall hide */
	struct peer_log *peers;
	struct holdings *holdings; /* of accounts and addresses */
	struct store *store; /* NULL: nothing is remembered, and there are no accounts */
	struct book *book; /* what it has of accounts, keys and names; NULL without a store */
	struct usages *usages; /* what accounts have used */
	struct admin_service *admin; /* of the admin API; NULL without a store */
	struct hmac_auth *_Atomic hmac; /* NULL: creation is open */
	struct tls_server *_Atomic tls; /* NULL: no port for it */
	struct crew *checkers; /* compare visitors' passwords */
	struct crew *hashers; /* hash those of new tunnels */
	uint8_t gate_secret[RELAY_SHARED_SECRET_LEN]; /* signs cookies and links of gates */
	atomic_bool draining; /* no new connections; answers end their connections */
	atomic_bool stopping; /* the workers are being taken down */
	atomic_bool stopped; /* no worker runs any more */
	atomic_uint sessions; /* of agents, on all workers */
	struct mux_tails tails; /* what they hold until it is acknowledged */
	atomic_uint connections; /* of visitors, on all workers and on the way between them */
	void (*on_quiet)(struct relay_shared *shared); /* there are none left; on any thread */
	uint16_t public_port; /* as bound: what URLs have, of TLS when there is a certificate */
	struct worker *const *workers;
	unsigned worker_count;
	uint64_t started_ms; /* wall time */
};

/* The parts that need nothing but options; the others are their makers' to put in and out. */
void relay_shared_init(struct relay_shared *shared, const struct relay_conf *conf, struct log *log);
/* Frees these parts, the certificate and the secrets. No worker is there any more. */
void relay_shared_deinit(struct relay_shared *shared);

#endif
