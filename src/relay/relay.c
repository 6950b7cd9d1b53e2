/*
 * The main thread's part: signals, draining and reloading. Each worker has a thread of its own;
 * the main thread talks to them in posted tasks only.
 */
#include "relay/relay.h"

#include <pthread.h>
#include <signal.h>

#include "base/check.h"
#include "base/err.h"
#include "base/image_linux.h"
#include "base/mem.h"
#include "crypto/rand.h"
#include "crypto/tls.h"
#include "io/crew.h"
#include "io/restwatch.h"
#include "io/signals.h"
#include "relay/admin_service.h"
#include "relay/agent_session.h"
#include "relay/descriptors.h"
#include "relay/directory.h"
#include "relay/doors.h"
#include "relay/front.h"
#include "relay/gate_secret.h"
#include "relay/hmac_auth.h"
#include "relay/nonce_cache.h"
#include "relay/peer_log.h"
#include "relay/relay_accounts.h"
#include "relay/relay_shared.h"
#include "relay/relay_store.h"
#include "relay/relay_tls.h"
#include "relay/review.h"
#include "relay/tcp_visitor.h"
#include "relay/tunnel.h"
#include "relay/usages_keeper.h"
#include "relay/worker.h"

#define RELAY_TICKET_MS 43200000u /* how long a key seals TLS tickets: half a day */
#define RELAY_WORKERS_MAX 256u
#define RELAY_CHECKERS_MAX 4u
#define RELAY_PASSWORDS_MAX 1024u /* that wait at each of both crews */
#define RELAY_PASSWORDS_NICE 10

/* A worker, its thread and its listeners. */
struct relay_worker {
	struct relay *relay; /* borrowed */
	struct worker *worker; /* owned */
	struct doors *doors; /* borrowed from the relay */
	pthread_t thread;
	struct loop_task drain;
	struct loop_task stop;
	struct loop_task reconfigure;
	struct loop_task report_reconfigured; /* runs on the main loop */
};

struct relay {
	struct relay_shared shared;
	struct relay_conf *conf; /* owned, the one in force */
	struct relay_conf *old_conf; /* owned, until all workers have the new one */
	struct hmac_auth *old_hmac; /* owned, likewise */
	struct tls_server *old_tls; /* ref; connections may hold more */
	struct tls_tickets *tickets; /* owned; the same for all workers and reloads */
	struct timeout_queue *ticket_queue; /* owned */
	struct timeout next_ticket;
	struct nonce_cache *nonces; /* owned */
	struct relay_hooks hooks;
	struct loop *loop; /* owned */
	struct restwatch *rest; /* owned */
	struct usages_keeper *keeper; /* owned; NULL without a store */
	struct signals *signals; /* owned; NULL until it runs */
	struct relay_worker *workers; /* owned */
	struct doors *doors; /* owned; one for each worker */
	struct timeout_queue *deadline_queue; /* owned */
	struct timeout deadline;
	atomic_uint undrained; /* workers that have not heard yet that they should drain */
	atomic_bool quiet; /* the next task is posted, at most once */
	struct loop_task report_quiet;
	unsigned reloading; /* workers that have the old options */
	bool reload_again; /* asked for since the options were read */
	bool stopping;
};

/* ---- on the workers' threads ---- */

/* On any thread: the last visitor may be gone. */
static void relay_look_whether_quiet(struct relay_shared *shared)
{
	struct relay *r = CONTAINER_OF(shared, struct relay, shared);

	if (atomic_load(&shared->draining) && !atomic_load(&r->undrained) &&
		!atomic_load(&shared->connections) && !atomic_exchange(&r->quiet, true))
		loop_post(r->loop, &r->report_quiet);
}

static void relay_worker_on_drain(struct loop_task *task)
{
	struct relay_worker *rw = CONTAINER_OF(task, struct relay_worker, drain);

	doors_close(rw->doors);
	front_drain(rw->worker);
	agent_session_drain(rw->worker);
	atomic_fetch_sub(&rw->relay->undrained, 1);
	relay_look_whether_quiet(&rw->relay->shared);
}

static void relay_worker_on_stop(struct loop_task *task)
{
	struct relay_worker *rw = CONTAINER_OF(task, struct relay_worker, stop);
	struct worker *w = rw->worker;
	struct tunnel *t;
	size_t at = 0;

	doors_close(rw->doors);
	front_close_all(w);
	tcp_visitor_close_all(w);
	agent_session_close_all(w);
	while ((t = map_next(&w->tunnels, &at)) != NULL) {
		tunnel_close(t);
		at = 0;
	}
	access_log_flush(w->access);
	loop_stop(w->loop);
}

static void relay_worker_on_reconfigure(struct loop_task *task)
{
	struct relay_worker *rw = CONTAINER_OF(task, struct relay_worker, reconfigure);
	struct tunnel *t;
	size_t at = 0;

	worker_set_conf(rw->worker, rw->relay->conf);
	worker_review(rw->worker); /* plans are part of the options */
	while ((t = map_next(&rw->worker->tunnels, &at)) != NULL)
		tunnel_settle(t);
	loop_post(rw->relay->loop, &rw->report_reconfigured);
}

static void *relay_worker_main(void *arg)
{
	struct relay_worker *rw = arg;

	loop_run(rw->worker->loop);
	return NULL;
}

/* ---- on the main thread ---- */

static void relay_stop(struct relay *r)
{
	if (r->stopping)
		return;
	r->stopping = true;
	atomic_store(&r->shared.stopping, true);
	for (unsigned i = 0; i < r->shared.worker_count; i++)
		loop_post(r->workers[i].worker->loop, &r->workers[i].stop);
	loop_stop(r->loop);
}

static void relay_on_deadline(struct timeout *timeout)
{
	struct relay *r = CONTAINER_OF(timeout, struct relay, deadline);

	log_warn(r->shared.log, "drain timeout, ending what still runs",
		LOG_INT("visitors", atomic_load(&r->shared.connections)));
	relay_stop(r);
}

static void relay_drain(struct relay *r)
{
	log_info(r->shared.log, "draining", LOG_INT("timeout_ms", r->conf->drain_timeout_ms));
	atomic_store(&r->undrained, r->shared.worker_count);
	atomic_store(&r->shared.draining, true);
	if (r->hooks.stopping)
		r->hooks.stopping(r->hooks.ctx);
	timeout_queue_set(
		r->deadline_queue, r->conf->drain_timeout_ms ? r->conf->drain_timeout_ms : 1);
	timeout_arm(r->deadline_queue, &r->deadline);
	for (unsigned i = 0; i < r->shared.worker_count; i++)
		loop_post(r->workers[i].worker->loop, &r->workers[i].drain);
}

static void relay_reload(struct relay *r);

/* All workers use the new options: the old ones can go. */
static void relay_reloaded(struct relay *r)
{
	relay_conf_free(&r->old_conf);
	hmac_auth_free(&r->old_hmac);
	tls_server_unref(&r->old_tls);
	log_info(r->shared.log, "configuration reloaded",
		LOG_INT("workers", r->shared.worker_count));
	if (r->hooks.ready)
		r->hooks.ready(r->hooks.ctx);
	if (r->reload_again)
		relay_reload(r);
}

static void relay_on_quiet(struct loop_task *task)
{
	relay_stop(CONTAINER_OF(task, struct relay, report_quiet));
}

static void relay_on_reconfigured(struct loop_task *task)
{
	struct relay_worker *rw = CONTAINER_OF(task, struct relay_worker, report_reconfigured);

	if (--rw->relay->reloading == 0)
		relay_reloaded(rw->relay);
}

static struct hmac_auth *relay_make_hmac(const struct relay *r)
{
	const struct relay_conf *c = r->conf;
	const struct hmac_auth_limits limits = {
		.tolerance_s = c->hmac_tolerance_s,
		.nonce_threshold_s = c->hmac_nonce_threshold_s,
		.nonce_ttl_s = c->hmac_nonce_ttl_s,
	};

	if (!c->hmac_secret)
		return NULL;
	return hmac_auth_new(slice_from_str(c->hmac_secret), &limits, r->nonces);
}

static void relay_log_lines(struct log *log, const char *message, const struct buf *lines)
{
	struct slice rest = buf_slice(lines), line;

	while (slice_split(&rest, '\n', &line)) {
		if (line.len)
			log_warn(log, message, LOG_STR("detail", line));
	}
}

static void relay_use_tls(struct relay *r, struct tls_server *next)
{
	r->old_tls = atomic_load(&r->shared.tls);
	atomic_store_explicit(&r->shared.tls, next, memory_order_release);
	relay_tls_warn(next, loop_wall_ms(), r->shared.log);
}

static void relay_use_conf(struct relay *r, struct relay_conf *next, struct tls_server *tls)
{
	relay_use_tls(r, tls);
	r->old_conf = r->conf;
	r->conf = next;
	r->old_hmac = atomic_load(&r->shared.hmac);
	atomic_store_explicit(&r->shared.hmac, relay_make_hmac(r), memory_order_release);
	log_set_level(r->shared.log, next->log_level);
	relay_accounts_warn(next, r->shared.log);
	directory_set_max(r->shared.directory, descriptors_for_tunnels(next->max_tunnels));
	r->reloading = r->shared.worker_count;
	for (unsigned i = 0; i < r->shared.worker_count; i++)
		loop_post(r->workers[i].worker->loop, &r->workers[i].reconfigure);
}

static void relay_reload(struct relay *r)
{
	struct buf message = {0}, warnings = {0};
	struct tls_server *tls = NULL;
	struct relay_conf *next;

	if (atomic_load(&r->shared.draining) || !r->hooks.reload)
		return;
	r->reload_again = r->reloading > 0;
	if (r->reload_again)
		return;
	if (r->hooks.reloading)
		r->hooks.reloading(r->hooks.ctx);
	next = r->hooks.reload(r->hooks.ctx, &message, &warnings);
	relay_log_lines(r->shared.log, "configuration", &warnings);
	if (next && !relay_conf_can_reload(r->conf, next, &message))
		relay_conf_free(&next);
	if (next && relay_tls_load(next, r->tickets, &tls, &message) != 0)
		relay_conf_free(&next);
	if (next) {
		relay_use_conf(r, next, tls);
	} else {
		relay_log_lines(
			r->shared.log, "configuration not reloaded, the old one stays", &message);
		if (r->hooks.ready)
			r->hooks.ready(r->hooks.ctx);
	}
	buf_release(&message);
	buf_release(&warnings);
}

static void relay_on_signal(void *ctx, int number)
{
	struct relay *r = ctx;

	if (number == SIGHUP)
		relay_reload(r);
	else if (atomic_load(&r->shared.draining))
		relay_stop(r);
	else
		relay_drain(r);
}

/* ---- building and taking down ---- */

static unsigned relay_worker_count(const struct relay_conf *conf)
{
	unsigned n = conf->workers ? conf->workers : loop_core_count();

	return n < RELAY_WORKERS_MAX ? n : RELAY_WORKERS_MAX;
}

/* Passwords wait for threads of their own, which take what the workers leave of the processors. */
static void relay_make_crews(struct relay *r)
{
	struct crew_conf conf = {
		.threads = (relay_worker_count(r->conf) + 1) / 2,
		.max_waiting = RELAY_PASSWORDS_MAX,
		.nice = RELAY_PASSWORDS_NICE,
	};

	if (conf.threads > RELAY_CHECKERS_MAX)
		conf.threads = RELAY_CHECKERS_MAX;
	r->shared.checkers = crew_new(&conf);
	conf.threads = 1;
	r->shared.hashers = crew_new(&conf);
}

static void relay_make_workers(struct relay *r)
{
	unsigned n = relay_worker_count(r->conf);
	struct worker **list = mem_alloc(n * sizeof(struct worker *));

	r->workers = mem_zero(n * sizeof(*r->workers));
	r->doors = mem_zero(n * sizeof(*r->doors));
	for (unsigned i = 0; i < n; i++) {
		struct relay_worker *rw = &r->workers[i];

		rw->relay = r;
		rw->doors = &r->doors[i];
		rw->worker = list[i] = worker_new(i, &r->shared, r->conf);
		review_init(rw->worker);
		loop_task_init(&rw->drain, relay_worker_on_drain);
		loop_task_init(&rw->stop, relay_worker_on_stop);
		loop_task_init(&rw->reconfigure, relay_worker_on_reconfigure);
		loop_task_init(&rw->report_reconfigured, relay_on_reconfigured);
	}
	r->shared.workers = list;
	r->shared.worker_count = n;
}

static void relay_on_next_ticket(struct timeout *timeout)
{
	struct relay *r = CONTAINER_OF(timeout, struct relay, next_ticket);

	tls_tickets_rotate(r->tickets);
	timeout_arm(r->ticket_queue, &r->next_ticket);
}

static int relay_open_tls(struct relay *r, struct buf *message)
{
	struct tls_server *tls = NULL;
	int err;

	r->tickets = tls_tickets_new();
	r->ticket_queue = timeout_queue_new(r->loop, RELAY_TICKET_MS);
	timeout_init(&r->next_ticket, relay_on_next_ticket);
	timeout_arm(r->ticket_queue, &r->next_ticket);
	err = relay_tls_load(r->conf, r->tickets, &tls, message);
	if (!err)
		relay_use_tls(r, tls);
	return err;
}

/* All that may fail. */
static int relay_open(struct relay *r, struct buf *message)
{
	int err = relay_open_tls(r, message);

	if (!err)
		err = relay_store_open(&r->shared, r->conf, message);
	if (err)
		return err;
	gate_secret_load(&r->shared);
	if (r->shared.store)
		r->shared.admin = admin_service_new(&r->shared);
	err = usages_keeper_new(r->loop, &r->shared, &r->keeper, message);
	if (!err)
		err = doors_open(&r->shared, r->doors, r->conf, message);
	return err;
}

int relay_new(struct relay_conf **conf, struct log *log, const struct relay_hooks *hooks,
	struct relay **relay_out, struct buf *message)
{
	int err = descriptors_raise(relay_worker_count(*conf), log, message);
	struct relay *r;

	*relay_out = NULL;
	if (err) {
		relay_conf_free(conf);
		return err;
	}
	r = MEM_NEW(struct relay);
	r->conf = *conf;
	*conf = NULL;
	r->hooks = *hooks;
	relay_shared_init(&r->shared, r->conf, log);
	r->shared.on_quiet = relay_look_whether_quiet;
	r->nonces = nonce_cache_new(NONCE_CACHE_MAX);
	atomic_store(&r->shared.hmac, relay_make_hmac(r));
	r->loop = loop_new();
	r->rest = restwatch_new(r->loop);
	loop_task_init(&r->report_quiet, relay_on_quiet);
	r->deadline_queue = timeout_queue_new(r->loop, 1);
	timeout_init(&r->deadline, relay_on_deadline);
	relay_make_crews(r);
	relay_make_workers(r);
	err = relay_open(r, message);
	if (err)
		relay_free(&r);
	*relay_out = r;
	return err;
}

void relay_run(struct relay *r)
{
	r->signals = signals_new(r->loop, relay_on_signal, r);
	for (unsigned i = 0; i < r->shared.worker_count; i++) {
		struct relay_worker *rw = &r->workers[i];

		CHECK(pthread_create(&rw->thread, NULL, relay_worker_main, rw) == 0);
	}
	relay_accounts_warn(r->conf, r->shared.log);
	log_info(r->shared.log, "ready", LOG_INT("workers", r->shared.worker_count),
		LOG_STR("version", SLICE(ADIT_VERSION)));
	if (r->hooks.ready)
		r->hooks.ready(r->hooks.ctx);
	image_release();
	loop_run(r->loop);
	for (unsigned i = 0; i < r->shared.worker_count; i++)
		pthread_join(r->workers[i].thread, NULL);
	usages_keeper_finish(r->keeper);
	peer_log_tell(r->shared.peers, r->shared.book);
	log_info(r->shared.log, "stopped", LOG_INT("workers", r->shared.worker_count));
}

/* The threads have ended. What they have left to others is waited for while their loops, where it
 * comes back to, are still there. */
static void relay_free_workers(struct relay *r)
{
	atomic_store(&r->shared.stopped, true);
	crew_free(&r->shared.checkers);
	crew_free(&r->shared.hashers);
	admin_service_stop(r->shared.admin);
	usages_keeper_finish(r->keeper);
	relay_store_close(&r->shared);
	for (unsigned i = 0; i < r->shared.worker_count; i++) {
		review_end(r->workers[i].worker);
		doors_close(&r->doors[i]);
		worker_free(&r->workers[i].worker);
	}
	admin_service_free(&r->shared.admin);
}

static void relay_free_loop(struct relay *r)
{
	timeout_disarm(&r->deadline);
	timeout_queue_free(&r->deadline_queue);
	timeout_queue_free(&r->ticket_queue);
	restwatch_free(&r->rest);
	signals_free(&r->signals);
	loop_free(&r->loop);
	usages_keeper_free(&r->keeper);
}

void relay_free(struct relay **r_ptr)
{
	struct relay *r = *r_ptr;

	if (!r)
		return;
	*r_ptr = NULL;
	relay_free_workers(r);
	relay_free_loop(r);
	/* What workers have posted to the main loop ran at its end, and stands in here. */
	mem_free((void *)r->shared.workers);
	mem_free(r->workers);
	mem_free(r->doors);
	relay_shared_deinit(&r->shared);
	hmac_auth_free(&r->old_hmac);
	nonce_cache_free(&r->nonces);
	tls_server_unref(&r->old_tls);
	tls_tickets_free(&r->tickets);
	relay_conf_free(&r->conf);
	relay_conf_free(&r->old_conf);
	mem_free(r);
}
