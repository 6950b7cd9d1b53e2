/*
 * A tunnel's password: whether a visitor's is the same. bcrypt runs on the relay's crew of
 * checkers; meanwhile visits wait here, and each is told once to look at its request again. A
 * flood of guesses fills this tunnel's queue, and takes one place at the crew at a time, so that
 * other tunnels' visitors stand behind one guess, not behind all of them.
 *
 * The right password is remembered for some minutes, as a keyed hash, so that clients with Basic
 * credentials do not pay bcrypt for each request. Lives on its tunnel's worker.
 */
#ifndef RELAY_GATE_PASSWORD_H
#define RELAY_GATE_PASSWORD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "crypto/seal.h"
#include "relay/gate_sources.h"

#define GATE_PASSWORD_QUEUE_MAX 64u /* guesses of one tunnel that wait */
#define GATE_PASSWORD_KNOWN_MS 300000u
#define GATE_PASSWORD_ENDED_MAX 256u /* sessions that were ended before their time */

struct gate_password;
struct worker;

/* A visitor's request that had to wait; kept by its owner until the request is done with. */
struct gate_visit;

/* Who comes with a password. */
struct gate_visitor {
	struct gate_source source;
	struct gate_visit **visit; /* the owner's: NULL until it has to wait for the first time */
	void (*again)(void *ctx); /* look at the request once more; from the loop */
	void *ctx;
	unsigned retry_s; /* out, with BLOCKED and BUSY: when to come again */
};

enum gate_password_answer {
	GATE_PASSWORD_RIGHT,
	GATE_PASSWORD_WRONG,
	GATE_PASSWORD_BLOCKED, /* the source has failed too often */
	GATE_PASSWORD_WAIT, /* the visit is told when to look again */
	GATE_PASSWORD_BUSY, /* too many wait already */
};

/* The hash is what password_hash made. */
struct gate_password *gate_password_new(struct worker *w, const char *hash);
/* Visits that wait are told to look again. */
void gate_password_free(struct gate_password **p);
struct slice gate_password_hash(const struct gate_password *p);

/* It does not wait any more, and is told nothing. */
void gate_visit_free(struct gate_visit **v);

enum gate_password_answer gate_password_try(
	struct gate_password *p, struct slice password, struct gate_visitor *visitor);

/* A session whose seal was found good a moment ago, so that only its expiry is to be looked at. */
bool gate_password_has_session(struct gate_password *p, struct slice session);
void gate_password_note_session(struct gate_password *p, struct slice session);
/* Sessions, by the nonce of their seal, that were ended by their visitor. */
void gate_password_end_session(struct gate_password *p, struct slice nonce);
bool gate_password_is_ended(const struct gate_password *p, struct slice nonce);

#endif
