/*
 * The tunnels that are wanted, and what the relay has registered of them on each session ("lane")
 * of the agent. It says what to tell the relay next and what an answer means; it sends and reports
 * nothing itself. Pure.
 *
 * With several lanes, a tunnel is registered on one first, and then on the others under the name
 * that it got there.
 */
#ifndef AGENT_REGISTRATION_H
#define AGENT_REGISTRATION_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/backoff.h"
#include "agent/tunnel_spec.h"
#include "base/list.h"

struct control;
struct report;

#define REGISTRATION_LANES_MAX 16u
#define REGISTRATION_TEXT_MAX 1024u /* of what a relay says that is kept */

enum registration_state {
	REGISTRATION_NONE, /* to be asked for */
	REGISTRATION_WAITING, /* refused for now */
	REGISTRATION_ASKED,
	REGISTRATION_UP,
	REGISTRATION_CLOSING, /* unregister was sent */
	REGISTRATION_REFUSED, /* not on this lane; others have it */
};

/* One tunnel. */
struct registration {
	struct list node;
	struct tunnel_spec spec; /* owned */
	uint32_t number;
	char *name; /* owned; what the relay gave it last: asked for again after a new session */
	uint16_t port; /* likewise */
	char *url; /* owned; NULL: was never up */
	char *url_before; /* owned; NULL: it is where it was */
	bool is_new; /* its local side has not been set up yet, or has changed */
	bool is_dead; /* it will never work */
	bool is_up; /* on any lane */
	bool is_protected; /* the relay says that something stands before it */
	bool is_told; /* its owner's: somebody was told that it is up */
	bool is_served; /* its owner's: its local side is set up */
	struct backoff backoff;
	uint64_t retry_at; /* of those that wait */
	enum registration_state states[REGISTRATION_LANES_MAX];
};

struct registrations {
	struct list wanted;
	struct list leaving; /* until the relay has closed them */
	unsigned lanes;
	uint32_t last_number;
	backoff_random_fn random;
	void *ctx; /* borrowed; of random */
};

void registrations_init(
	struct registrations *r, unsigned lanes, backoff_random_fn random, void *ctx);
void registrations_deinit(struct registrations *r);

/* What should be from now on; the specs are copied. A tunnel is known by its label. Of one whose
 * public side stays what it was, the registration is not touched. */
void registrations_set(struct registrations *r, const struct tunnel_spec *specs, size_t count);
/* The next one that is_new, or NULL. */
struct registration *registrations_find_new(struct registrations *r);
/* Takes a leaving one out that no lane knows any more; NULL when there is none. */
struct registration *registrations_take_gone(struct registrations *r);
void registration_free(struct registration **reg);

/* The next message to send on a lane; false: none. Its texts are borrowed from the registration.
 */
bool registrations_next(
	struct registrations *r, unsigned lane, uint64_t now_ms, struct control *message_out);
/* What will be asked for first, before there is a session; false: nothing. Borrowed likewise. */
bool registrations_first(const struct registrations *r, struct control *message_out);
/* Whether somebody waits to ask again. */
bool registrations_is_waiting(const struct registrations *r);

enum registration_event {
	REGISTRATION_NOTHING,
	REGISTRATION_IS_UP, /* on its first lane, or under another URL */
	REGISTRATION_IS_DOWN, /* it was up, is not, and will be asked for again */
	REGISTRATION_AGAIN, /* refused; it is asked for again, now or at retry_at */
	REGISTRATION_IS_DEAD, /* refused for ever */
	/* The relay opened it without what should guard it; it is taken back, and dead. Nobody
	 * may be let in. */
	REGISTRATION_IS_BARE,
};

/* What the relay says about a tunnel: registered, error (with tunnel) or closed. reg_out: whom it
 * is about; NULL: nobody. */
enum registration_event registrations_take(struct registrations *r, unsigned lane,
	const struct control *message, uint64_t now_ms, struct registration **reg_out);
/* The session of a lane is over, and with it all that was registered there. */
void registrations_lose_lane(struct registrations *r, unsigned lane);
/* What a report says of a tunnel, and of the relay's message about it if there is one. Valid as
 * long as they and the buffer, which takes the target's text. */
void registration_tell(const struct registration *reg, const struct control *message,
	struct report *report, struct buf *target);
/* Not to be asked for any more. */
void registration_kill(struct registration *reg);
/* There are tunnels, and all of them are dead. */
bool registrations_are_dead(const struct registrations *r);
/* Everything is to go: what is registered becomes leaving. */
void registrations_clear(struct registrations *r);

#endif
