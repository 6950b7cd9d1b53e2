/*
 * The agent's side of one visitor: takes a stream that the relay opened, reads its first line,
 * connects it to the local service of its tunnel, and reports what became of it. Keeps the local
 * keep-alive connections. It dials what its own tunnels say, whatever the relay sends.
 */
#ifndef AGENT_LOCAL_H
#define AGENT_LOCAL_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/report.h"
#include "agent/tunnel_spec.h"

struct local;
struct loop;
struct stream;

struct local_events {
	/* A visitor could not be served. Called before its stream is reset: the relay is told with
	 * `failed`. stream_id as session_stream_id gives it, ctx of local_serve's session. */
	void (*failed)(void *session, uint32_t stream_id, struct slice code, struct slice message);
	/* The number of a visitor's stream; NULL: session_stream_id. */
	uint32_t (*stream_id)(const struct stream *stream);
	report_fn report;
	void *report_ctx;
};

struct local_conf {
	uint64_t connect_ms;
	unsigned max_streams; /* visitors at a time; beyond it: local-overloaded */
	bool quiet; /* nobody wants to hear of single visitors */
};

/* What the relay lets pass of an answer's head; 0: not known. */
struct local_limits {
	uint32_t head; /* bytes */
	uint32_t fields;
};

struct local *local_new(
	struct loop *loop, const struct local_conf *conf, const struct local_events *events);
/* Ends all visitors and connections. */
void local_free(struct local **l);
/* A tunnel by its number; the spec is copied. Visitors under way keep the one they began with.
 * ERR_*: its CA file is not good, message says why. */
int local_add(
	struct local *l, uint32_t tunnel, const struct tunnel_spec *spec, struct buf *message);
void local_remove(struct local *l, uint32_t tunnel);
/* Takes the stream. session is handed back to `failed`; it must live as long as the stream. */
void local_serve(struct local *l, void *session, struct stream **stream);
/* The relay has given this visitor up, and says why. */
void local_given_up(struct local *l, const void *session, uint32_t stream_id, struct slice code,
	struct slice message);
/* Answers that begin from now on are held to them, so that what the relay would refuse is refused
 * here, where it is shown. */
void local_set_limits(struct local *l, const struct local_limits *limits);
unsigned local_count(const struct local *l); /* visitors being served */

#endif
