/* /api/v1/tunnels: the tunnels that are open now, on whichever worker they live. */
#ifndef RELAY_ADMIN_TUNNELS_H
#define RELAY_ADMIN_TUNNELS_H

#include "relay/admin.h"
#include "relay/admin_ask.h"
#include "relay/admin_tunnel_json.h"

struct tunnel;
struct worker;

/* What a worker is asked about one tunnel; may be the head of something larger. */
struct admin_tunnels_what {
	struct admin_tunnel_view view;
	size_t limit; /* of a list */
	char name[ADMIN_PARAM_MAX + 1]; /* of the tunnel, or the cursor of a list */
};

/* A question to the worker where q's tunnel is at home. */
struct admin_tunnels_question {
	admin_ask_fn fn;
	struct admin_tunnels_what *what; /* filled in; whatever follows it is the asker's */
	size_t size;
};

/* What is asked goes to the worker; its answer is in the reply's body. False: refused already. */
MUST_CHECK bool admin_tunnels_ask(struct admin_context *c, const struct admin_request *q,
	const struct admin_tunnels_question *question, struct admin_reply *reply);
/* On the worker: the tunnel, if who asks may see it. */
struct tunnel *admin_tunnels_seen(struct worker *w, const struct admin_tunnels_what *what);
/* What a key may not open it does not change either. False: refused already. */
MUST_CHECK bool admin_tunnels_may(const struct admin_request *q, struct admin_reply *reply);
/* A row of the audit log about what has happened already. */
void admin_tunnels_note(struct admin_context *c, const struct admin_request *q, const char *event,
	struct buf *detail);

void admin_tunnels_list(
	struct admin_context *c, const struct admin_request *q, struct admin_reply *reply);
void admin_tunnels_get(
	struct admin_context *c, const struct admin_request *q, struct admin_reply *reply);
void admin_tunnels_kill(
	struct admin_context *c, const struct admin_request *q, struct admin_reply *reply);

#endif
