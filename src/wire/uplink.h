/*
 * Opening a link to a relay: name -> address -> TCP (through an HTTP proxy if there must be one)
 * -> TLS -> HTTP upgrade, plain or as WebSocket. One attempt each; trying again is the caller's
 * business. Every failure names its hop.
 */
#ifndef WIRE_UPLINK_H
#define WIRE_UPLINK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

struct loop;
struct stream;
struct tls_client;
struct uplink;

/* The hop that an attempt failed at, or passed. */
enum uplink_hop {
	UPLINK_DNS,
	UPLINK_TCP,
	UPLINK_PROXY,
	UPLINK_TLS,
	UPLINK_HTTP, /* an answer that is no agreement: status and code say more */
	UPLINK_DONE,
};

enum uplink_framing { UPLINK_PLAIN, UPLINK_WEBSOCKET };

/* All borrowed until the end of the attempt. */
struct uplink_request {
	const char *host; /* a name or an address, without brackets */
	uint16_t port;
	struct tls_client *tls; /* NULL: plain TCP */
	const char *proxy; /* "host:port" of an HTTP proxy for CONNECT, or NULL */
	const char *proxy_authorization; /* the field's value, or NULL */
	enum uplink_framing framing;
	struct slice fields; /* more request fields, each with its line end */
	uint64_t timeout_ms; /* for all of it */
};

struct uplink_result {
	enum uplink_hop hop; /* UPLINK_DONE: link is the callee's */
	int err;
	struct stream *link;
	struct slice received; /* bytes behind the 101, valid during the call */
	/* of the HTTP answer, if there was one; valid during the call */
	unsigned status;
	struct slice code; /* X-Adit-Error */
	unsigned retry_after_s;
	uint64_t peer_received; /* Adit-Received */
	struct slice proof; /* Adit-Proof */
	bool is_afresh; /* Adit-Afresh: another session begins than the one that was asked for */
	struct slice detail; /* a sentence for people: which address, what the system said */
	uint64_t hop_us[UPLINK_DONE]; /* how long each hop took, for doctor */
};

typedef void (*uplink_done_fn)(void *ctx, const struct uplink_result *result);

/* done comes once, from the loop, unless uplink_cancel came first; it frees the attempt. */
struct uplink *uplink_start(
	struct loop *loop, const struct uplink_request *request, uplink_done_fn done, void *ctx);
void uplink_cancel(struct uplink **u);
const char *uplink_hop_text(enum uplink_hop hop);

#endif
