/*
 * A relay by script, on 127.0.0.1 and on the loop of the test: answers requests for links as it
 * is told, speaks the control stream, keeps one session at a time for resuming, and remembers
 * what it was asked.
 */
#ifndef AGENT_FAKE_RELAY_H
#define AGENT_FAKE_RELAY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"
#include "wire/session.h"

#define FAKE_RELAY_SESSIONS 4u
#define FAKE_RELAY_SECRET "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

struct fake_relay;
struct listener;

struct fake_session {
	struct fake_relay *relay;
	struct session *session;
	struct stream *control;
	struct buf line;
	uint64_t epoch;
	char id[16];
	bool is_gone; /* the agent wants no new streams */
};

struct fake_relay {
	struct loop *loop;
	struct listener *listener;
	uint16_t port;
	struct timeout_queue *retry;
	struct session_supplies clocks;
	struct fake_session sessions[FAKE_RELAY_SESSIONS];
	unsigned begun; /* sessions so far */
	struct buf head; /* of the last request */
	struct buf pending; /* a request that is coming */
	struct stream *incoming;

	/* the script */
	unsigned refusals; /* so many requests from now on are answered with: */
	unsigned status;
	const char *fields; /* of that answer, each with its line end */
	bool hang_up; /* or with the end of the connection */
	bool plain_is_foreign; /* only WebSocket gets through */
	bool wrong_proof;
	bool afresh; /* it begins another session for one that it has forgotten */
	bool hold_welcome;
	bool no_resume;
	uint32_t max_head; /* what its welcome says of answers */
	uint32_t max_fields;
	const char *refuse_code; /* registers get this error */
	bool refuse_fatal;
	bool hold_closed;

	/* what happened */
	unsigned requests;
	unsigned websockets;
	unsigned resumed;
	struct buf said; /* the agent's lines, all of them */
};

/* Listens on the port, or on a free one. */
void fake_relay_open(struct fake_relay *r, struct loop *loop, uint16_t port);
void fake_relay_close(struct fake_relay *r);
/* Takes no connections any more; what there is stays. */
void fake_relay_stop_listening(struct fake_relay *r);
void fake_relay_listen(struct fake_relay *r);

/* The session that began n-th last; 0 is the newest. */
struct fake_session *fake_relay_session(struct fake_relay *r, unsigned n);
/* Cuts the link; the session waits for another one. */
void fake_relay_cut(struct fake_relay *r);
/* Forgets the session as well. */
void fake_relay_forget(struct fake_relay *r);
/* One line to the agent. */
void fake_relay_say(struct fake_relay *r, const char *line);
void fake_relay_welcome(struct fake_relay *r);
/* A visitor of the tunnel; the stream is the callee's. */
struct stream *fake_relay_visit(struct fake_relay *r, unsigned tunnel);
/* Whether the agent has said this, as often as that. */
bool fake_relay_heard(const struct fake_relay *r, const char *text, unsigned times);
/* Whether the last request has this in its head. */
bool fake_relay_was_asked(const struct fake_relay *r, const char *text);

#endif
