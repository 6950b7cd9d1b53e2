/* The layout of TLS between two streams, for the files that implement it. */
#ifndef IO_STREAM_TLS_PRIV_H
#define IO_STREAM_TLS_PRIV_H

#include "base/buf.h"
#include "io/loop.h"
#include "io/stream.h"
#include "io/stream_tls.h"

struct tls;

/* In this order; some of them may be left out. */
enum stream_tls_state {
	STREAM_TLS_NEW,
	STREAM_TLS_SHAKING, /* the handshake is under way */
	STREAM_TLS_READY,
	STREAM_TLS_ENDED, /* the closing alert came; writing still works */
	STREAM_TLS_FAILED,
	STREAM_TLS_CLOSED, /* nothing is owned any more */
};

struct stream_tls {
	struct stream base;
	struct loop *loop; /* borrowed */
	struct stream *lower; /* owned */
	struct tls *tls; /* owned */
	stream_tls_ready_fn ready_fn; /* NULL once it was called */
	void *ready_ctx; /* borrowed */
	struct slice in; /* borrowed while it works: not decrypted yet */
	struct buf parked; /* the same, when reading was stopped: at most one read */
	struct buf early; /* written before the handshake was over */
	struct loop_task later; /* goes on with what is parked, or reports later_err */
	struct loop_task grave; /* frees it at the end of the turn */
	int later_err;
	uint32_t replies; /* bytes of our own that are parked below */
	enum stream_tls_state state;
	bool reading, lower_reading; /* the owner wants data; it is asked for */
	bool working; /* inside stream_tls_take */
	bool stalled; /* there may be plaintext without any more ciphertext */
	bool full, lower_full; /* the owner waits for drained; so do we */
	bool shutdown_wanted; /* as soon as the handshake is over */
	bool much; /* was brought by the last read */
	uint32_t most; /* that a read brings */
};

/* Whether it carries the owner's bytes. */
static inline bool stream_tls_is_up(const struct stream_tls *t)
{
	return t->state == STREAM_TLS_READY || t->state == STREAM_TLS_ENDED;
}

#endif
