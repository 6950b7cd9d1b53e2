/*
 * The control stream of a session, on the agent's side: whole messages out and in. It is what a
 * visitor's stream is served for, too, so that what became of a visitor is told on the session
 * that it came from and on no later one.
 */
#ifndef AGENT_CONTROL_STREAM_H
#define AGENT_CONTROL_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

struct control;
struct control_stream;
struct session;

struct control_stream_events {
	void (*message)(void *ctx, const struct control *message);
	/* The stream is of no use any more; called once, and nothing else after it. */
	void (*failed)(void *ctx, struct slice why);
};

/* NULL when the session takes no stream. */
struct control_stream *control_stream_open(
	struct session *session, const struct control_stream_events *events, void *ctx);
/* Ends the stream, with nothing told to anybody. The object stays, and does nothing. */
void control_stream_end(struct control_stream *c);
/* Nothing may refer to it any more. */
void control_stream_free(struct control_stream **c);

void control_stream_send(struct control_stream *c, const struct control *message);
/* A visitor of this session could not be served. */
void control_stream_send_failed(
	struct control_stream *c, uint32_t stream_id, struct slice code, struct slice message);

#endif
