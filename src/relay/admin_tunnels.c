/* Questions to the workers, and what becomes of their answers. */
#include "relay/admin_tunnels.h"

#include <stdlib.h>

#include "base/mem.h"
#include "relay/admin_audit.h"
#include "relay/admin_list.h"
#include "relay/auth.h"
#include "relay/directory.h"
#include "relay/tunnel.h"
#include "relay/worker.h"
#include "store/db.h"
#include "store/ledger_audit.h"

static struct admin_tunnels_what admin_tunnels_what(const struct admin_request *q)
{
	struct admin_tunnels_what what = {
		.view = {.account_id = q->who.grant.account_id, .all = q->who.admin}};

	what.view.has_host = q->host.len && http_host_parse(q->host, &what.view.host) == 0;
	return what;
}

/* Without a relay there is nothing open. */
static bool admin_tunnels_are_there(const struct admin_context *c, struct admin_reply *reply)
{
	if (c->shared)
		return true;
	admin_refuse(reply, API_ERROR_RELAY_NOT_RUNNING,
		"No relay runs on this store, so that no tunnel is open.");
	return false;
}

static void admin_tunnels_refuse_late(struct admin_reply *reply)
{
	admin_refuse(reply, API_ERROR_NOT_NOW,
		"The relay is too busy to say what tunnels it has; try again in a moment.");
}

/* ---- the list ---- */

static int admin_tunnels_compare(const void *a, const void *b)
{
	const struct tunnel *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

/* On a worker: those behind the cursor, as many as fit on the page and one more. */
static void admin_tunnels_on_list(struct worker *w, const void *ctx, struct buf *out)
{
	const struct admin_tunnels_what *what = ctx;
	const struct tunnel **found = mem_alloc((w->tunnels.count + 1) * sizeof(*found)), *t;
	size_t count = 0, at = 0;

	while ((t = map_next(&w->tunnels, &at)) != NULL) {
		if (strcmp(t->name, what->name) > 0 && admin_tunnel_is_seen(t, &what->view))
			found[count++] = t;
	}
	qsort((void *)found, count, sizeof(*found), admin_tunnels_compare);
	if (count > what->limit + 1)
		count = what->limit + 1;
	for (size_t i = 0; i < count; i++) {
		struct buf json = {0};

		admin_tunnel_write(&json, found[i], &what->view);
		buf_append_slice(out, tunnel_name(found[i]));
		buf_append_char(out, '\n');
		buf_append_slice(out, buf_slice(&json));
		buf_append_char(out, '\n');
		buf_release(&json);
	}
	mem_free((void *)found);
}

static void admin_tunnels_gather(struct admin_list *list, struct slice lines)
{
	char name[ADMIN_PARAM_MAX + 1];
	struct slice line;

	while (lines.len && slice_split(&lines, '\n', &line)) {
		struct buf json = {0};

		slice_to_str(line, name, sizeof(name));
		if (slice_split(&lines, '\n', &line))
			buf_append_slice(&json, line);
		admin_list_add(list, name, &json);
		buf_release(&json);
	}
}

void admin_tunnels_list(
	struct admin_context *c, const struct admin_request *q, struct admin_reply *reply)
{
	struct admin_tunnels_what what = admin_tunnels_what(q);
	struct admin_list list;
	struct admin_ask *ask;

	if (!admin_tunnels_are_there(c, reply) || !admin_list_begin(&list, q, reply))
		return;
	what.limit = list.page.limit;
	slice_to_str(slice_from_str(list.page.after), what.name, sizeof(what.name));
	ask = admin_ask_new(c->shared, admin_tunnels_on_list, &what, sizeof(what));
	if (admin_ask_all(ask) != 0) {
		admin_tunnels_refuse_late(reply);
	} else {
		for (unsigned i = 0; i < c->shared->worker_count; i++)
			admin_tunnels_gather(&list, admin_ask_answer(ask, i));
		admin_list_answer(&list, c, 0, reply);
	}
	admin_ask_free(&ask);
}

/* ---- one of them ---- */

struct tunnel *admin_tunnels_seen(struct worker *w, const struct admin_tunnels_what *what)
{
	struct tunnel *t = map_get(&w->tunnels, slice_from_str(what->name));

	return t && admin_tunnel_is_seen(t, &what->view) ? t : NULL;
}

static void admin_tunnels_on_get(struct worker *w, const void *ctx, struct buf *out)
{
	const struct admin_tunnels_what *what = ctx;
	const struct tunnel *t = admin_tunnels_seen(w, what);

	if (t)
		admin_tunnel_write(out, t, &what->view);
}

static void admin_tunnels_on_kill(struct worker *w, const void *ctx, struct buf *out)
{
	const struct admin_tunnels_what *what = ctx;
	struct tunnel *t = admin_tunnels_seen(w, what);

	if (!t)
		return;
	admin_tunnel_write(out, t, &what->view);
	log_info(
		w->shared->log, "tunnel ended by the admin API", LOG_STR("tunnel", tunnel_name(t)));
	tunnel_close_because(
		t, "killed", "The tunnel was ended by its owner or the relay's operator.");
}

bool admin_tunnels_ask(struct admin_context *c, const struct admin_request *q,
	const struct admin_tunnels_question *question, struct admin_reply *reply)
{
	struct admin_ask *ask;
	unsigned home;
	int err = 0;

	if (!admin_tunnels_are_there(c, reply))
		return false;
	*question->what = admin_tunnels_what(q);
	slice_to_str(slice_from_str(q->param), question->what->name, sizeof(question->what->name));
	if (directory_find(c->shared->directory, slice_from_str(q->param), &home)) {
		ask = admin_ask_new(c->shared, question->fn, question->what, question->size);
		err = admin_ask_one(ask, home);
		if (!err)
			buf_append_slice(&reply->body, admin_ask_answer(ask, home));
		admin_ask_free(&ask);
	}
	if (err)
		admin_tunnels_refuse_late(reply);
	else if (!buf_len(&reply->body))
		admin_refuse(reply, API_ERROR_NOT_FOUND, "No tunnel of yours is open as \"%.64s\".",
			q->param);
	return !err && !reply->code;
}

void admin_tunnels_get(
	struct admin_context *c, const struct admin_request *q, struct admin_reply *reply)
{
	struct admin_tunnels_what what;
	const struct admin_tunnels_question question = {admin_tunnels_on_get, &what, sizeof(what)};

	if (admin_tunnels_ask(c, q, &question, reply))
		admin_answer(reply, 200);
}

bool admin_tunnels_may(const struct admin_request *q, struct admin_reply *reply)
{
	if (q->who.admin || auth_may_name(&q->who.grant, slice_from_str(q->param)))
		return true;
	admin_refuse(reply, API_ERROR_NAME_NOT_ALLOWED,
		"The key is for other names than \"%.63s\" (%s).", q->param,
		q->who.grant.scope.names);
	return false;
}

/* It has happened, whether it can be written down or not. */
void admin_tunnels_note(struct admin_context *c, const struct admin_request *q, const char *event,
	struct buf *detail)
{
	struct audit audit;

	admin_audit_of(&audit, q, event, q->param, detail);
	if (ledger_audit_add(c->db, &audit) != 0)
		log_warn(c->shared->log, "audit row lost", LOG_STR("event", slice_from_str(event)),
			LOG_STR("reason", slice_from_str(db_error(c->db))));
}

void admin_tunnels_kill(
	struct admin_context *c, const struct admin_request *q, struct admin_reply *reply)
{
	struct admin_tunnels_what what;
	const struct admin_tunnels_question question = {admin_tunnels_on_kill, &what, sizeof(what)};

	if (!admin_tunnels_may(q, reply) || !admin_tunnels_ask(c, q, &question, reply))
		return;
	admin_tunnels_note(c, q, "tunnel.killed", NULL);
	admin_done(reply);
}
