/* Jobs for the store's thread, each of which frees itself when it is done. */
#include "relay/clerk.h"

#include <stdio.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/loop.h"
#include "relay/directory.h"
#include "relay/worker.h"
#include "store/book.h"
#include "store/ledger.h"
#include "store/ledger_audit.h"
#include "store/ledger_meta.h"
#include "store/store.h"

struct clerk_job {
	struct store_job job;
	struct book *book; /* borrowed */
	struct audit audit;
	struct name_record name;
	struct key key;
	uint16_t port;
};

static struct clerk_job *clerk_of(struct store_job *job)
{
	return CONTAINER_OF(job, struct clerk_job, job);
}

static void clerk_on_done(struct store_job *job)
{
	struct clerk_job *c = clerk_of(job);

	buf_release(&c->job.why);
	mem_free(c);
}

static struct clerk_job *clerk_begin(struct worker *w, const char *event, struct slice subject)
{
	struct clerk_job *c = MEM_NEW(struct clerk_job);

	c->book = w->shared->book;
	c->job.done = clerk_on_done;
	c->audit.at_ms = loop_wall_ms();
	snprintf(c->audit.event, sizeof(c->audit.event), "%s", event);
	slice_to_str(subject, c->audit.subject, sizeof(c->audit.subject));
	return c;
}

static void clerk_act_as(struct clerk_job *c, const struct book_grant *grant)
{
	snprintf(c->audit.actor, sizeof(c->audit.actor), "%.60s/%s", grant->account, grant->key_id);
}

/* More than the store can take: what is left out is written the next time. */
static void clerk_submit(struct worker *w, struct clerk_job *c)
{
	if (store_submit(w->shared->store, &c->job, w->loop) == 0)
		return;
	log_debug(w->shared->log, "the store is busy, something was not written down",
		LOG_STR("event", slice_from_str(c->audit.event)));
	clerk_on_done(&c->job);
}

/* ---- names ---- */

/* Somebody may have reserved it meanwhile, or the key may have got others. */
static int clerk_run_name(struct store_job *job, struct db *db)
{
	struct clerk_job *c = clerk_of(job);
	struct slice key = slice_from_str(c->name.key_id);
	struct name_record names[CLERK_NAMES_MAX];
	size_t count = book_names_of_key(c->book, key, names, CLERK_NAMES_MAX);
	int err;

	if (book_find_name(c->book, slice_from_str(c->name.name), NULL) || count >= CLERK_NAMES_MAX)
		return 0;
	/* They come back in this order, also those of one millisecond. */
	if (count && c->name.created_ms <= names[count - 1].created_ms)
		c->name.created_ms = names[count - 1].created_ms + 1;
	err = ledger_name_add(db, &c->name, &c->audit);
	if (!err)
		book_put_name(c->book, &c->name);
	return err == ERR_EXISTS ? 0 : err;
}

void clerk_give_name(struct worker *w, const struct book_grant *grant, struct slice name)
{
	struct slice key = slice_from_str(grant->key_id);
	struct clerk_job *c;

	if (!w->shared->store ||
		book_names_of_key(w->shared->book, key, NULL, 0) >= CLERK_NAMES_MAX)
		return;
	c = clerk_begin(w, "name.given", name);
	clerk_act_as(c, grant);
	c->name.account_id = grant->account_id;
	c->name.created_ms = c->audit.at_ms;
	slice_to_str(name, c->name.name, sizeof(c->name.name));
	slice_to_str(key, c->name.key_id, sizeof(c->name.key_id));
	c->job.run = clerk_run_name;
	clerk_submit(w, c);
}

/* ---- ports ---- */

static int clerk_run_port(struct store_job *job, struct db *db)
{
	struct clerk_job *c = clerk_of(job);

	return ledger_port_set(db, c->audit.subject, c->port);
}

void clerk_keep_port(struct worker *w, struct slice name, uint16_t port)
{
	struct clerk_job *c;

	if (!w->shared->store || directory_last_port(w->shared->directory, name) == port)
		return;
	directory_remember(w->shared->directory, name, port);
	c = clerk_begin(w, "port", name);
	c->port = port;
	c->job.run = clerk_run_port;
	clerk_submit(w, c);
}

/* ---- keys ---- */

static int clerk_run_use(struct store_job *job, struct db *db)
{
	struct clerk_job *c = clerk_of(job);
	struct key now;

	/* What else there is to say of the key may have changed since. */
	if (!book_find_key(c->book, slice_from_str(c->key.id), &now))
		return 0;
	now.used_ms = c->audit.at_ms;
	return ledger_key_set(db, &now, NULL);
}

void clerk_note_use(struct worker *w, const struct book_grant *grant)
{
	struct slice id = slice_from_str(grant->key_id);
	struct clerk_job *c;

	if (!w->shared->store || !book_use_key(w->shared->book, id, loop_wall_ms(), CLERK_USED_MS))
		return;
	c = clerk_begin(w, "key.used", id);
	slice_to_str(id, c->key.id, sizeof(c->key.id));
	c->job.run = clerk_run_use;
	clerk_submit(w, c);
}

static int clerk_run_audit(struct store_job *job, struct db *db)
{
	return ledger_audit_add(db, &clerk_of(job)->audit);
}

void clerk_note_refusal(struct worker *w, struct slice client, const char *code)
{
	struct clerk_job *c;

	if (!w->shared->store)
		return;
	c = clerk_begin(w, "auth.refused", slice_from_str(code));
	snprintf(c->audit.actor, sizeof(c->audit.actor), "nobody");
	slice_to_str(client, c->audit.address, sizeof(c->audit.address));
	c->job.run = clerk_run_audit;
	clerk_submit(w, c);
}
