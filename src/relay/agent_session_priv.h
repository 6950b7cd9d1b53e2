/* The layout of an agent's session, for the files that implement it. */
#ifndef RELAY_AGENT_SESSION_PRIV_H
#define RELAY_AGENT_SESSION_PRIV_H

#include "base/buf.h"
#include "base/list.h"
#include "io/loop.h"
#include "io/timeout.h"
#include "proto/http_host.h"
#include "relay/agent_session.h"
#include "relay/identity.h"

struct book_grant;
struct registration;
struct session;
struct stream;
struct worker;

/* Why a session ended without which another process of its client goes on. */
#define AGENT_SESSION_OUTLIVED "its agent was started anew"

enum agent_state {
	AGENT_GREETING, /* its hello has not come */
	AGENT_LINKED,
	AGENT_PARKED, /* without a link; the grace period runs */
	AGENT_OVER,
};

struct agent_session {
	struct worker *worker; /* borrowed */
	struct session *session; /* owned */
	enum agent_state state;

	/* the control stream */
	struct stream *control; /* owned; NULL until the agent has opened it */
	struct buf inbox; /* of it: an unfinished line */
	struct buf promised; /* lines for when the agent is ready */
	bool control_full; /* nothing is read before the agent has read what we wrote */
	bool control_waits; /* likewise, before its lines are due again */
	unsigned lines; /* acted upon in this turn */
	uint32_t lines_turn; /* which that is */
	uint64_t lines_paid_ms; /* when all its lines so far are paid for */
	struct timeout lines_due;
	struct loop_task lines_next;
	struct registration *registration; /* under way at another worker; borrowed */

	bool resume; /* agreed on */
	bool ready; /* what it would resume with has arrived: visitors may be sent */
	bool leaving; /* it wants no new streams: its tunnels are gone */
	bool outlived; /* another process of its client has come for a tunnel of it */
	struct list members; /* struct session_member, its part in tunnels */
	unsigned member_count;
	struct list upstreams; /* struct session_upstream */
	unsigned upstream_count;
	unsigned failures_left; /* visitors of which it may still say why they failed */

	struct timeout timeout; /* by when hello must come, or a link when it is parked */
	struct list parked; /* in the worker's list */
	size_t memory; /* as last measured */
	uint64_t lost_ms; /* when the link broke */
	uint64_t epoch; /* of the newest link */
	struct loop_task lonely; /* its last tunnel was taken away */
	struct loop_task last; /* it ends once what was written has left */
	const char *why; /* then */
	bool keeps_names; /* likewise */
	struct loop_task grave;

	struct book_grant *grant; /* owned: of its key, as last checked; NULL without one */
	enum identity_kind owner_kind;
	bool has_host;
	char *owner; /* owned: account, token or address */
	char *token; /* owned: of its client, whatever the owner is; NULL without one */
	char *process; /* owned: which run of its agent it belongs to; NULL: it does not say */
	char *program; /* owned: what it calls itself */
	char *client; /* owned: its address, as the log has it */
	char *source; /* owned: the one that it cannot choose */
	struct http_host host; /* that its first request came to: the base of its URLs */
	char id[AGENT_SESSION_ID_LEN + 1];
	uint8_t secret[AGENT_SESSION_SECRET_LEN];
};

static inline struct slice agent_session_name(const struct agent_session *a)
{
	return slice_of(a->id, AGENT_SESSION_ID_LEN);
}

#endif
