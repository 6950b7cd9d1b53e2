/*
 * The connection belongs to the crew's one thread, health to a mutex. Being down is noticed where
 * something fails, and being back by trying: before a job, and when idle.
 */
#include "store/store.h"

#include <poll.h>
#include <pthread.h>

#include "base/check.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/secret.h"
#include "crypto/rand.h"
#include "store/db.h"
#include "store/db_open.h"
#include "store/ledger_meta.h"

#define STORE_IDLE_MS 500u
#define STORE_OPEN_MS 30000u /* at the start, with what it takes to bring up an old schema */
#define STORE_TRY_MS 2000u /* how long one attempt may take when no job waits for it */
#define STORE_RETRY_MIN_MS 250u
#define STORE_RETRY_MAX_MS 10000u

struct store {
	struct store_conf conf;
	struct db_conf db_conf;
	char *path; /* owned */
	char *url; /* owned; a secret */
	struct buf label;
	struct log *log; /* borrowed */
	struct crew *crew;
	/* the thread's own */
	struct db *db; /* NULL while there is no connection */
	uint64_t retry_at_ms;
	unsigned retry_ms;
	int trouble; /* why changes are refused, or 0 */
	/* shared */
	pthread_mutex_t lock; /* guards what follows */
	bool is_well;
	struct buf why;
};

static uint64_t store_now(void)
{
	return loop_clock_us() / 1000;
}

/* ---- health ---- */

static void store_set_health(struct store *s, bool is_well, struct slice why)
{
	pthread_mutex_lock(&s->lock);
	s->is_well = is_well;
	buf_clear(&s->why);
	buf_append_slice(&s->why, why);
	pthread_mutex_unlock(&s->lock);
}

static bool store_is_trouble(int err)
{
	return err == ERR_UNAVAILABLE || err == ERR_FULL || err == ERR_READONLY ||
		err == ERR_CORRUPT;
}

static void store_sick(struct store *s, int err, struct slice why)
{
	store_set_health(s, false, why);
	if (s->trouble != err)
		log_error(s->log, "the store refuses changes, tunnels go on",
			LOG_STR("store", buf_slice(&s->label)), LOG_STR("why", why));
	s->trouble = err;
	s->retry_ms = s->retry_ms * 2 < STORE_RETRY_MAX_MS ? s->retry_ms * 2 : STORE_RETRY_MAX_MS;
	s->retry_at_ms = store_now() + s->retry_ms;
}

static void store_well(struct store *s)
{
	store_set_health(s, true, SLICE(""));
	if (s->trouble)
		log_info(s->log, "the store takes changes again",
			LOG_STR("store", buf_slice(&s->label)));
	s->trouble = 0;
	s->retry_ms = STORE_RETRY_MIN_MS / 2;
}

/* ---- the connection ---- */

static int store_connect(struct store *s, uint64_t deadline_ms, struct buf *why)
{
	int err = db_open(&s->db_conf, deadline_ms, &s->db, why);

	if (!err && s->conf.opened) {
		err = s->conf.opened(s->conf.ctx, s->db);
		if (err) {
			buf_printf(why, "its content cannot be read: %s",
				*db_error(s->db) ? db_error(s->db) : err_text(err));
			db_close(&s->db);
		}
	}
	/* From now on a file that is gone is a fault, not a fresh start. */
	if (!err)
		s->db_conf.must_exist = true;
	return err;
}

static int store_reconnect(struct store *s, uint64_t deadline_ms, struct buf *why)
{
	struct slice text;
	int err;

	if (store_now() < s->retry_at_ms) {
		pthread_mutex_lock(&s->lock);
		buf_append_slice(why, buf_slice(&s->why));
		pthread_mutex_unlock(&s->lock);
		return s->trouble ? s->trouble : ERR_UNAVAILABLE;
	}
	err = store_connect(s, deadline_ms, why);
	text = buf_slice(why);
	if (err && !store_is_trouble(err))
		err = ERR_UNAVAILABLE;
	if (err)
		store_sick(s, err, text);
	else if (s->trouble != ERR_FULL && s->trouble != ERR_READONLY)
		store_well(s);
	return err;
}

/* A server that was restarted has closed the connection: better found out now than in the job. */
static int store_need_db(struct store *s, uint64_t deadline_ms, struct buf *why)
{
	if (s->db && !db_is_alive(s->db))
		db_close(&s->db);
	return s->db ? 0 : store_reconnect(s, deadline_ms, why);
}

/* After anything that used the connection. */
static void store_look(struct store *s, int err, uint64_t commits)
{
	if (store_is_trouble(err))
		store_sick(s, err, slice_from_str(db_error(s->db)));
	else if (db_commits(s->db) != commits && s->trouble)
		store_well(s);
	if (!db_is_lost(s->db))
		return;
	db_close(&s->db);
	s->retry_at_ms = 0; /* the first attempt is free */
}

/* ---- jobs ---- */

static int store_run_job(struct store *s, struct store_job *job)
{
	uint64_t commits;
	int err;

	if (store_now() >= job->deadline_ms) {
		buf_append_str(&job->why, "the store is busy");
		return ERR_UNAVAILABLE;
	}
	err = store_need_db(s, job->deadline_ms, &job->why);
	if (err)
		return err;
	commits = db_commits(s->db);
	db_set_deadline(s->db, job->deadline_ms);
	err = job->run(job, s->db);
	if (err && !buf_len(&job->why))
		buf_append_str(&job->why, *db_error(s->db) ? db_error(s->db) : err_text(err));
	store_look(s, err, commits);
	return err;
}

static void store_on_run(struct crew_job *crew_job)
{
	struct store_job *job = CONTAINER_OF(crew_job, struct store_job, crew_job);

	job->err = store_run_job(job->store, job);
}

static void store_on_done(struct crew_job *crew_job)
{
	struct store_job *job = CONTAINER_OF(crew_job, struct store_job, crew_job);

	job->done(job);
}

/* A value that is written to see whether one can be. */
static void store_probe(struct store *s)
{
	uint64_t commits = db_commits(s->db);
	int err;

	db_set_deadline(s->db, store_now() + STORE_TRY_MS);
	err = db_begin(s->db);
	if (!err)
		err = db_end(s->db, ledger_meta_set(s->db, "probe", SLICE("written")));
	store_look(s, err, commits);
}

static void store_on_idle(void *ctx)
{
	struct store *s = ctx;
	struct buf why;
	int err;

	buf_init(&why);
	err = store_need_db(s, store_now() + STORE_TRY_MS, &why);
	if (!err && s->trouble && store_now() >= s->retry_at_ms)
		store_probe(s);
	buf_release(&why);
}

int store_submit(struct store *s, struct store_job *job, struct loop *loop)
{
	job->store = s;
	job->waiter = NULL;
	job->err = 0;
	job->deadline_ms = store_now() + s->conf.deadline_ms;
	job->crew_job.run = store_on_run;
	job->crew_job.done = store_on_done;
	return crew_submit(s->crew, &job->crew_job, loop);
}

struct store_wait {
	pthread_mutex_t lock;
	pthread_cond_t over;
	bool is_over;
};

static void store_on_waited(struct crew_job *crew_job)
{
	struct store_job *job = CONTAINER_OF(crew_job, struct store_job, crew_job);
	struct store_wait *wait = job->waiter;

	pthread_mutex_lock(&wait->lock);
	wait->is_over = true;
	pthread_cond_signal(&wait->over);
	pthread_mutex_unlock(&wait->lock);
}

int store_run_now(struct store *s, struct store_job *job)
{
	struct store_wait wait = {.is_over = false};
	int err;

	CHECK(pthread_mutex_init(&wait.lock, NULL) == 0);
	CHECK(pthread_cond_init(&wait.over, NULL) == 0);
	job->store = s;
	job->waiter = &wait;
	job->err = 0;
	job->deadline_ms = store_now() + s->conf.deadline_ms;
	job->crew_job.run = store_on_run;
	job->crew_job.done = store_on_waited;
	err = crew_submit(s->crew, &job->crew_job, NULL);
	pthread_mutex_lock(&wait.lock);
	while (!err && !wait.is_over)
		pthread_cond_wait(&wait.over, &wait.lock);
	pthread_mutex_unlock(&wait.lock);
	pthread_cond_destroy(&wait.over);
	pthread_mutex_destroy(&wait.lock);
	return err ? err : job->err;
}

/* ---- opening ---- */

static struct store *store_new(const struct store_conf *conf, struct log *log)
{
	struct store *s = MEM_NEW(struct store);

	s->conf = *conf;
	if (!conf->deadline_ms)
		s->conf.deadline_ms = STORE_DEADLINE_MS;
	s->path = conf->path ? mem_dup_str(conf->path, strlen(conf->path)) : NULL;
	s->url = secret_dup(slice_from_str(conf->url));
	s->conf.path = s->db_conf.path = s->path;
	s->conf.url = s->db_conf.url = s->url;
	rand_bytes(&s->db_conf.instance, sizeof(s->db_conf.instance));
	s->log = log;
	s->retry_ms = STORE_RETRY_MIN_MS / 2;
	db_open_describe(&s->db_conf, &s->label);
	CHECK(pthread_mutex_init(&s->lock, NULL) == 0);
	return s;
}

/* On the caller's thread: there is no other one yet. */
static int store_open_patiently(struct store *s, struct buf *why)
{
	uint64_t give_up_ms = store_now() + s->conf.patience_ms;
	bool is_said = false;

	for (;;) {
		int err = store_connect(s, store_now() + STORE_OPEN_MS, why);

		if ((err != ERR_UNAVAILABLE && err != ERR_BUSY) || store_now() >= give_up_ms)
			return err;
		if (!is_said)
			log_warn(s->log, "waiting for the store",
				LOG_STR("store", buf_slice(&s->label)),
				LOG_STR("why", buf_slice(why)));
		is_said = true;
		buf_clear(why);
		poll(NULL, 0, STORE_RETRY_MIN_MS);
	}
}

int store_open(const struct store_conf *conf, struct log *log, struct store **store_out,
	struct buf *message)
{
	struct store *s = store_new(conf, log);
	const struct crew_conf crew_conf = {
		.threads = 1,
		.max_waiting = STORE_JOBS_MAX,
		.finishes = true,
		.idle_ms = STORE_IDLE_MS,
		.on_idle = store_on_idle,
		.ctx = s,
	};
	struct buf why;
	int err;

	buf_init(&why);
	err = store_open_patiently(s, &why);
	if (err) {
		buf_append_str(message, "cannot open the store: ");
		buf_append_slice(message, buf_slice(&why));
		store_free(&s);
	} else {
		store_well(s);
		s->crew = crew_new(&crew_conf);
	}
	buf_release(&why);
	*store_out = s;
	return err;
}

void store_free(struct store **s_ptr)
{
	struct store *s = *s_ptr;

	if (!s)
		return;
	*s_ptr = NULL;
	crew_free(&s->crew);
	db_close(&s->db);
	pthread_mutex_destroy(&s->lock);
	buf_release(&s->why);
	buf_release(&s->label);
	mem_free(s->path);
	secret_free(&s->url);
	mem_free(s);
}

bool store_is_well(struct store *s, struct buf *why)
{
	bool is_well;

	pthread_mutex_lock(&s->lock);
	is_well = s->is_well;
	if (!is_well && why)
		buf_append_slice(why, buf_slice(&s->why));
	pthread_mutex_unlock(&s->lock);
	return is_well;
}

struct slice store_label(const struct store *s)
{
	return buf_slice(&s->label);
}
