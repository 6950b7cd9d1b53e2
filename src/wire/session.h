/*
 * A session as both programs have it: a mux, and the link that carries it just now, if there is
 * one. It gathers what a turn of the loop wants to send into few writes, keeps the link alive with
 * pings, and notices when it is dead. Who opens links, and when a session without one ends, is the
 * owner's business. Lives on one loop.
 */
#ifndef WIRE_SESSION_H
#define WIRE_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/slice.h"
#include "proto/mux.h"

struct loop;
struct pool;
struct session;
struct stream;
struct timeout_queue;

struct session_events {
	/* The peer opened a stream, which is the callee's now; read_start brings its bytes. */
	void (*opened)(void *ctx, struct stream *stream);
	/* The link is dead and closed; streams stall. err: why, ERR_TIMEOUT for silence. */
	void (*lost)(void *ctx, int err);
	/* The peer broke the protocol (see session_fault) or said that we did: the link is closed,
	 * and the streams fail. The callee frees the session. */
	void (*broken)(void *ctx);
	void (*go_away)(void *ctx); /* the peer wants no new streams */
	void (*measured)(void *ctx, uint64_t rtt_us);
};

/* What all sessions of a loop share. All borrowed; outlives them and their streams. */
struct session_supplies {
	struct timeout_queue *heartbeat; /* between pings */
	struct timeout_queue *silence; /* without a byte for so long, a link is dead */
	struct timeout_queue *probe; /* about 1 s: for an answer when a link is in doubt */
	struct pool *streams; /* of session_stream_size; NULL: none are kept */
	struct timeout_queue *tick; /* about 25 ms: what may wait a little */
};

size_t session_stream_size(void);

struct session *session_new(struct loop *loop, const struct mux_conf *conf,
	const struct session_supplies *supplies, const struct session_events *events, void *ctx);
/* Closes the link; streams that are still open fail (from the loop, later). */
void session_free(struct session **s);

/* Takes the link. `received` are bytes that came with it already. The first link of a session: */
void session_start(struct session *s, struct stream **link, struct slice received);
/* A later one; a link that is still there is closed at once, without `lost`. ERR_RANGE when the
 * peer cannot be continued from there: the link is closed. */
MUST_CHECK int session_resume(
	struct session *s, struct stream **link, struct slice received, uint64_t peer_received);
/* Whether that would not be ERR_RANGE. */
bool session_can_resume(const struct session *s, uint64_t peer_received);
/* Closes the link on purpose, without `lost`. */
void session_drop_link(struct session *s);
bool session_has_link(const struct session *s);

/* A new stream, or NULL when there can be none. stream_shutdown half-closes behind what is parked;
 * stream_close lets go, and what was parked before a stream_shutdown still goes out; stream_abort
 * resets. */
struct stream *session_open(struct session *s);
/* The number a stream has in its session, which both sides know it by. */
uint32_t session_stream_id(const struct stream *stream);

void session_agree(struct session *s, bool resume, uint32_t window);
void session_go_away(struct session *s);
/* Asks for a sign of life: without one in time the link is lost (after sleep, a new address). */
void session_probe(struct session *s);
/* Whether it was asked, and nothing has come since; of the last link when there is none. */
bool session_is_in_doubt(const struct session *s);

uint64_t session_received(const struct session *s);
uint64_t session_rtt_us(const struct session *s); /* the last measured; 0: none */
size_t session_memory(const struct session *s);
unsigned session_stream_count(const struct session *s);
enum mux_fault session_fault(const struct session *s);
const char *session_fault_text(enum mux_fault fault);

#endif
