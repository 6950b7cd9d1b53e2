/*
 * What it takes to speak with the relay, whatever for: trust, the proxy of the environment, and
 * what the agent shows to be let in.
 */
#ifndef AGENT_RELAY_WAY_H
#define AGENT_RELAY_WAY_H

#include "agent/handshake.h"
#include "base/attr.h"
#include "base/buf.h"
#include "config/proxy_env.h"

struct cli_conf;
struct tls_client;

struct relay_way {
	struct tls_client *tls; /* owned; NULL: plain TCP */
	struct proxy_env proxy;
	char *key; /* owned; NULL: there is none */
	struct handshake_who who; /* borrowed from here and from the conf */
};

/* On an error out is empty, and the message has a sentence. */
MUST_CHECK int relay_way_find(
	struct cli_conf *conf, char **environ_list, struct relay_way *out, struct buf *message);
/* Without a key, to be given one. */
MUST_CHECK int relay_way_find_bare(const struct cli_conf *conf, char **environ_list,
	struct relay_way *out, struct buf *message);
void relay_way_deinit(struct relay_way *w);

#endif
