/*
 * The agent without its face: keeps sessions to a relay and tunnels on them, for ever, and serves
 * visitors from local services. Lives on one loop.
 */
#ifndef AGENT_AGENT_H
#define AGENT_AGENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/handshake.h"
#include "agent/report.h"
#include "agent/tunnel_spec.h"

struct agent;
struct loop;
struct tls_client;

/* Borrowed while the agent lives. */
struct agent_conf {
	const char *relay_host;
	uint16_t relay_port;
	struct tls_client *tls; /* NULL: plain TCP */
	const char *relay_text; /* "https://relay.example.com", for people */
	const char *proxy; /* "host:port", or NULL */
	const char *proxy_authorization;
	const char *client; /* the token that names are kept for */
	struct handshake_who who;
	unsigned connections; /* sessions; 1 to 16 */
	bool websocket_only;
	uint64_t local_connect_ms; /* for a local service to accept */
	unsigned max_streams;
	uint32_t buffer_max; /* bytes kept for resuming, for each session */
	bool quiet; /* nobody wants to hear of single requests */
};

struct agent *agent_new(
	struct loop *loop, const struct agent_conf *conf, report_fn report, void *ctx);
/* The tunnels from the end of this turn on; those that are new are opened, those that are missing
 * closed, and those that are the same not touched. Copied. A tunnel is known by its label. */
void agent_set_tunnels(struct agent *a, const struct tunnel_spec *specs, size_t count);
/* Tells the relay, lets running requests finish for so long, and calls done from the loop. */
void agent_stop(struct agent *a, uint64_t timeout_ms, void (*done)(void *ctx), void *ctx);
/* Ends what still runs. Not inside of a report. */
void agent_free(struct agent **a);

#endif
