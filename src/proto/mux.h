/*
 * One side of a multiplexed session (docs/protocol.md, 2 and 5): yamux frames in and out, windows,
 * turns between streams, and what is needed to go on over another link. Pure: bytes and time go
 * in, bytes and events come out; it knows no socket and no clock.
 *
 * Events come only from mux_receive, mux_tick and mux_end, never inside any other call. `wake` is
 * the exception: it says, at any time, that mux_tick and mux_output have something to do, and may
 * only schedule that.
 */
#ifndef PROTO_MUX_H
#define PROTO_MUX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/list.h"
#include "base/slice.h"

struct mux;
struct mux_tails;

#define MUX_STREAM_FIRST 1u /* goes before all others, and its bytes are secret */
#define MUX_WINDOW_START 262144u /* of yamux */
#define MUX_FRAME_SHARED 16384u /* longest frame while streams compete */
#define MUX_FRAME_ALONE 262144u

enum mux_role { MUX_CLIENT, MUX_SERVER };

#define MUX_PIECE_MAX 65536u /* of parked input, told at once */

enum mux_fault {
	MUX_FAULT_NONE,
	MUX_FAULT_VERSION,
	MUX_FAULT_TYPE,
	MUX_FAULT_STREAM_EXISTS,
	MUX_FAULT_STREAM_ID, /* not the peer's to open */
	MUX_FAULT_WINDOW, /* more than its credit, or credit beyond 2^31 */
	MUX_FAULT_ACK, /* acknowledged what was never sent, or went back */
	MUX_FAULT_CLOSED, /* data or FIN behind a FIN */
	MUX_FAULT_GO_AWAY, /* the peer found a fault of ours */
	MUX_FAULT_FLOOD, /* more streams or control frames than may be */
};

/* Embedded in its owner, which lives until `reset`, or until it let go with mux_stream_release. */
struct mux_stream {
	struct mux *mux; /* borrowed; NULL once it is over */
	struct list ready; /* in the round, when it has something to send and may */
	struct list pending; /* to be told something at the next tick */
	struct list owing; /* the peer has not heard yet that it was accepted */
	struct buf out; /* written, waits for credit or its turn */
	struct buf in; /* received while nobody read */
	uint32_t id;
	uint32_t send_credit; /* bytes the peer takes */
	uint32_t recv_credit; /* bytes the peer may still send */
	uint32_t recv_window; /* what recv_credit is filled up to */
	uint32_t recv_grown; /* how much of that is beyond the start */
	uint32_t recv_taken; /* by its reader, as far as that matters */
	uint32_t piece; /* bytes that its reader gets at a time */
	bool syn_sent : 1;
	bool reading : 1;
	bool full : 1; /* mux_stream_write said so, and `writable` is owed */
	bool stalled : 1; /* the reader stopped while bytes came */
	bool quick : 1; /* it used half of its window quickly, once since it grew */
	bool fin_wanted : 1; /* no more writes; FIN goes behind `out` */
	bool fin_sent : 1;
	bool fin_seen : 1;
	bool fin_told : 1; /* to the owner */
	bool drained : 1; /* `writable` is due */
	bool reset_seen : 1; /* behind the peer's FIN: told when the owner has read all before it */
	bool released : 1; /* nobody listens any more */
	bool unread : 1; /* and there was more: RST goes behind `out` */
	uint64_t credit_at; /* when credit was last announced */
	uint64_t frame_at; /* where its last frame begins in the tail */
	char *frame_flags; /* and its flags, which may still change while it was not sent */
};

struct mux_events {
	/* The peer opens a stream: a fresh (zeroed) one to use, or NULL to refuse it. */
	struct mux_stream *(*make)(void *ctx);
	void (*opened)(void *ctx, struct mux_stream *s); /* it is in the mux now */
	void (*data)(struct mux_stream *s, struct slice data);
	void (*writable)(struct mux_stream *s); /* after mux_stream_write returned false */
	void (*ended)(struct mux_stream *s); /* FIN, behind all data */
	/* The stream is over (RST, or mux_end); it has left the mux. */
	void (*reset)(struct mux_stream *s);
	/* A released stream is gone from the mux: its memory may go. */
	void (*gone)(struct mux_stream *s);
	void (*pong)(void *ctx, uint64_t rtt_us);
	void (*go_away)(void *ctx); /* normal: the peer wants no new streams */
	void (*wake)(void *ctx);
};

struct mux_conf {
	enum mux_role role;
	uint32_t max_streams; /* open at a time by the peer; beyond it they are refused */
	uint32_t window_max; /* one stream's receive window grows up to this */
	uint32_t window_budget; /* what all windows together may grow beyond their start */
	uint32_t tail_max; /* bytes kept until acknowledged; streams wait when it is full */
	struct mux_tails *tails; /* borrowed: bounds what all tails hold together; or NULL */
};

struct mux *mux_new(const struct mux_conf *conf, const struct mux_events *events, void *ctx);
/* All streams must be over. */
void mux_free(struct mux **m);

/* ---- streams ---- */

/* Takes the next id; the SYN goes with the first write (or with mux_stream_finish). False when
 * the ids are used up or the peer wants no more. */
MUST_CHECK bool mux_open(struct mux *m, struct mux_stream *s);
/* Takes everything; false: stop until `writable`. */
bool mux_stream_write(struct mux_stream *s, const struct slice *parts, size_t count);
/* Bytes it takes just now without parking any. */
size_t mux_stream_room(const struct mux_stream *s);
/* Where a lot of bytes may be put that are to be written next, in one part: it is not copied then.
 * Good until the next call of mux_receive, mux_tick or mux_output. Empty: not just now. */
struct slice mux_stream_place(struct mux_stream *s);
void mux_stream_read_start(struct mux_stream *s); /* parked input comes at the next mux_tick */
void mux_stream_read_stop(struct mux_stream *s);
/* How much `data` brings at a time, at the most. MUX_PIECE_MAX, as at first, only holds for what
 * was parked: all else comes as it is. */
void mux_stream_set_piece(struct mux_stream *s, uint32_t most);
/* Half-close, behind what is parked. */
void mux_stream_finish(struct mux_stream *s);
/* Ends it at once with RST. The stream leaves the mux; no event follows. */
void mux_stream_reset(struct mux_stream *s);
/* Nobody listens any more: FIN if not yet sent, then `gone` once the peer has finished; RST if
 * it sends more. True: it is gone already and no event follows. */
MUST_CHECK bool mux_stream_release(struct mux_stream *s);

/* ---- the link ---- */

/* Bytes from the link. After a fault the session is over: mux_fault_of says why. */
MUST_CHECK int mux_receive(struct mux *m, struct slice data, uint64_t now_us);
enum mux_fault mux_fault_of(const struct mux *m);
/* A clause for people. */
const char *mux_fault_text(enum mux_fault fault);
/* What should be sent now: at most count parts, valid until the next call on the mux. 0: nothing.
 * mux_sent takes them all. */
size_t mux_output(struct mux *m, struct slice *parts, size_t count);
void mux_sent(struct mux *m);
/* Whether the link took what it was given last, or is full now. A full one gets little at a time,
 * so that what comes later can go first; one that never is gets large pieces. */
void mux_link_took(struct mux *m, bool all);
bool mux_has_output(const struct mux *m);
/* Tells streams what is due: parked input of those that read again, `writable`, `gone`. True when
 * the peer waits to hear that a stream was accepted: that rides on data, or comes a little later
 * with mux_accept. */
bool mux_tick(struct mux *m, uint64_t now_us);
void mux_accept(struct mux *m);
void mux_ping(struct mux *m, uint64_t now_us);
void mux_go_away(struct mux *m);
/* Every stream is over: `reset` for each, `gone` for released ones. */
void mux_end(struct mux *m);

/* ---- resuming ---- */

/* Both sides keep the tail and acknowledge; 0 keeps the start window of yamux. */
void mux_agree(struct mux *m, bool resume, uint32_t window);
/* There is no link: output waits, what was half received of a header is forgotten. */
void mux_link_lost(struct mux *m);
/* Whether a peer that has received so much can be continued from there. */
bool mux_can_continue(const struct mux *m, uint64_t peer_received);
/* Another link, whose peer has received so much. ERR_RANGE if that cannot be continued from. */
MUST_CHECK int mux_link_found(struct mux *m, uint64_t peer_received);
uint64_t mux_received(const struct mux *m);
/* How many frames came so far; it wraps around. */
uint32_t mux_frames(const struct mux *m);
/* Bytes held: the tail, and what streams have parked both ways. */
size_t mux_memory(const struct mux *m);
unsigned mux_stream_count(const struct mux *m);

#endif
