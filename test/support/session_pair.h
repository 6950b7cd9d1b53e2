/* Two sessions on one loop, joined by TCP connections that a test may break. */
#ifndef SUPPORT_SESSION_PAIR_H
#define SUPPORT_SESSION_PAIR_H

#include "support/stream_log.h"
#include "wire/session.h"

#define SESSION_PAIR_STREAMS 8

struct session_end {
	struct session *session; /* owned */
	struct stream_log streams[SESSION_PAIR_STREAMS]; /* in the order the peer opened them */
	unsigned opened;
	unsigned lost;
	int lost_err;
	unsigned broken;
	unsigned went_away;
	unsigned measured;
	bool stopped; /* streams that are opened do not read */
	void (*then_stream)(struct stream_log *log); /* in each event of those streams */
	void (*then)(struct session_end *end); /* inside each event of the session */
};

struct session_pair {
	struct loop *loop;
	struct session_supplies supplies;
	struct session_end ends[2]; /* the client and the server */
};

/* Milliseconds; each queue is 3600000 where it is 0. */
void session_pair_init(
	struct session_pair *pair, unsigned heartbeat, unsigned silence, unsigned probe);
/* Frees what is left. */
void session_pair_deinit(struct session_pair *pair);
/* The first link; and what hello and welcome agree on. */
void session_pair_start(struct session_pair *pair, bool resume);
/* Another link for both, which the client asks for. */
void session_pair_resume(struct session_pair *pair);
/* A session whose other end is a bare descriptor. */
int session_pair_start_bare(struct session_pair *pair, unsigned end, struct slice early);
void session_pair_open(struct session_pair *pair, unsigned end, struct stream_log *log);

#endif
