/* One job at a time; its list belongs to the store's thread until it is done. */
#include "relay/usages_keeper.h"

#include "base/err.h"
#include "base/mem.h"
#include "io/loop.h"
#include "io/timeout.h"
#include "relay/usages.h"
#include "relay/worker.h"
#include "store/ledger_usage.h"
#include "store/record.h"
#include "store/store.h"

struct usages_keeper {
	struct relay_shared *shared; /* borrowed */
	struct loop *loop; /* borrowed */
	struct timeout_queue *queue;
	struct timeout tick;
	struct store_job job;
	struct store_job last; /* of the end */
	struct usage *list; /* owned; what the job hands over */
	size_t count;
	bool busy; /* the job is on its way */
	bool failing; /* the last one failed, and the log says so */
	bool finished;
};

static struct usages_keeper *usages_keeper_of(struct store_job *job)
{
	return CONTAINER_OF(job, struct usages_keeper, job);
}

/* ---- on the store's thread ---- */

static int usages_keeper_on_stored(void *ctx, const struct usage *usage)
{
	usages_load(ctx, usage);
	return 0;
}

static int usages_keeper_run_load(struct store_job *job, struct db *db)
{
	struct usages_keeper *k = usages_keeper_of(job);

	return ledger_usage(db, 0, usages_keeper_on_stored, k->shared->usages);
}

static int usages_keeper_run(struct store_job *job, struct db *db)
{
	struct usages_keeper *k = usages_keeper_of(job);

	return ledger_usage_add(db, k->list, k->count);
}

static int usages_keeper_run_last(struct store_job *job, struct db *db)
{
	struct usages_keeper *k = CONTAINER_OF(job, struct usages_keeper, last);

	return ledger_usage_add(db, k->list, k->count);
}

static int usages_keeper_run_nothing(struct store_job *job, struct db *db)
{
	return 0;
}

/* ---- on the main thread ---- */

/* The job is over: what the store did not take is counted again. */
static void usages_keeper_settle(struct usages_keeper *k)
{
	struct log *log = k->shared->log;

	k->busy = false;
	if (k->job.err) {
		usages_put_back(k->shared->usages, k->list, k->count);
		if (!k->failing)
			log_warn(log,
				"the store does not take what accounts have used, so it is "
				"kept in memory",
				LOG_STR("reason", buf_slice(&k->job.why)));
	} else if (k->failing) {
		log_info(log, "the store takes what accounts have used again");
	}
	k->failing = k->job.err != 0;
	mem_free(k->list);
	k->list = NULL;
	buf_release(&k->job.why);
}

static void usages_keeper_on_done(struct store_job *job)
{
	struct usages_keeper *k = usages_keeper_of(job);

	if (!k->finished)
		usages_keeper_settle(k);
}

/* False when there is nothing to hand over. */
static bool usages_keeper_take(struct usages_keeper *k)
{
	k->count = usages_take(k->shared->usages, loop_wall_ms(), &k->list);
	if (k->count)
		return true;
	mem_free(k->list);
	k->list = NULL;
	return false;
}

static void usages_keeper_on_tick(struct timeout *timeout)
{
	struct usages_keeper *k = CONTAINER_OF(timeout, struct usages_keeper, tick);
	int err;

	timeout_arm(k->queue, &k->tick);
	if (k->busy || !usages_keeper_take(k))
		return;
	k->busy = true;
	/* Once it is submitted, the job is the store's thread's, which may have begun. */
	err = store_submit(k->shared->store, &k->job, k->loop);
	if (!err)
		return;
	k->job.err = err;
	usages_keeper_settle(k);
}

int usages_keeper_new(struct loop *loop, struct relay_shared *shared, struct usages_keeper **out,
	struct buf *message)
{
	struct usages_keeper *k;
	int err;

	*out = NULL;
	if (!shared->store)
		return 0;
	k = MEM_NEW(struct usages_keeper);
	k->shared = shared;
	k->loop = loop;
	k->job.run = usages_keeper_run_load;
	err = store_run_now(shared->store, &k->job);
	if (err) {
		buf_append_slice(message, buf_slice(&k->job.why));
		buf_release(&k->job.why);
		mem_free(k);
		return err;
	}
	k->job.run = usages_keeper_run;
	k->job.done = usages_keeper_on_done;
	k->queue = timeout_queue_new(loop, USAGES_KEEPER_MS);
	timeout_init(&k->tick, usages_keeper_on_tick);
	timeout_arm(k->queue, &k->tick);
	*out = k;
	return 0;
}

void usages_keeper_finish(struct usages_keeper *k)
{
	struct store_job wait = {.run = usages_keeper_run_nothing};

	if (!k || k->finished)
		return;
	timeout_disarm(&k->tick);
	timeout_queue_free(&k->queue);
	if (k->busy) {
		/* Jobs run in their order: behind this one, ours is over. If not even this one is
		 * taken, it runs while the store ends. */
		k->finished = store_run_now(k->shared->store, &wait) == ERR_LIMIT;
		buf_release(&wait.why);
		if (k->finished)
			return;
		usages_keeper_settle(k);
	}
	k->finished = true;
	k->last.run = usages_keeper_run_last;
	if (!usages_keeper_take(k))
		return;
	if (store_run_now(k->shared->store, &k->last) != 0)
		log_warn(k->shared->log, "the store did not take what accounts have used last",
			LOG_STR("reason", buf_slice(&k->last.why)));
	buf_release(&k->last.why);
	mem_free(k->list);
	k->list = NULL;
}

void usages_keeper_free(struct usages_keeper **k_ptr)
{
	struct usages_keeper *k = *k_ptr;

	if (!k)
		return;
	*k_ptr = NULL;
	timeout_queue_free(&k->queue);
	buf_release(&k->job.why);
	mem_free(k->list);
	mem_free(k);
}
