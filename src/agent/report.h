/*
 * What the agent has to tell: the status screen, plain lines and --json are three ways to show
 * these. Texts are borrowed and valid during the call.
 */
#ifndef AGENT_REPORT_H
#define AGENT_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum report_kind {
	REPORT_CONNECTING, /* message: to where; attempt counts from 1 */
	REPORT_LINK_UP, /* a new session: relay, rtt_us; account and plan of the key */
	REPORT_LINK_LOST, /* message: why; streams wait */
	REPORT_LINK_RESUMED, /* duration_us: how long it was gone */
	REPORT_SESSION_LOST, /* the relay has forgotten the session; a new one follows */
	REPORT_TUNNEL_UP, /* tunnel, url, target; url_before if it was up elsewhere */
	REPORT_TUNNEL_CHANGED, /* as UP: its address stays, the way behind it is another */
	REPORT_TUNNEL_DOWN, /* tunnel; code, message */
	REPORT_REQUEST, /* one HTTP request is over, or one TCP connection */
	REPORT_REQUEST_OPENED, /* and has begun */
	REPORT_RTT,
	REPORT_NOTICE, /* the relay says something; code, message */
	REPORT_WARNING, /* code, message: it goes on, but look at this */
	REPORT_ERROR, /* code, message; fatal: the agent ends */
};

/* Members that a kind has not are zero. */
struct report {
	enum report_kind kind;
	uint64_t wall_ms;
	struct slice tunnel; /* label */
	struct slice url;
	struct slice url_before;
	struct slice
		asked; /* the name that a tunnel should have had, when it is up under another */
	struct slice target;
	struct slice relay;
	struct slice account;
	struct slice plan;
	struct slice code;
	struct slice message;
	unsigned attempt;
	uint64_t retry_ms; /* when the next attempt is made */
	uint64_t rtt_us;
	uint64_t duration_us;
	uint64_t lines; /* that were dropped */
	bool fatal;
	bool tcp;
	bool is_protected; /* of a tunnel that is up */
	/* of a request */
	struct slice visitor;
	struct slice method;
	struct slice path;
	struct slice request_id;
	unsigned status; /* 0: none came */
	uint64_t bytes_in; /* from the visitor */
	uint64_t bytes_out;
	uint64_t first_byte_us;
	bool upgraded;
	bool reused; /* went over a kept local connection */
};

typedef void (*report_fn)(void *ctx, const struct report *report);

#endif
