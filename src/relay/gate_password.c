/*
 * A question is one password that is looked at for everybody who came with it. It is with the
 * crew or in the tunnel's queue; when the gate goes before the crew is done, it belongs to nobody
 * and frees itself.
 */
#include "relay/gate_password.h"

#include "base/check.h"
#include "base/map.h"
#include "base/mem.h"
#include "crypto/ct.h"
#include "crypto/password.h"
#include "crypto/rand.h"
#include "io/crew.h"
#include "io/loop.h"
#include "relay/worker.h"

#define GATE_PASSWORD_KEYS (SEAL_MAC_LEN / sizeof(uint64_t))
#define GATE_PASSWORD_SESSIONS 8u /* that need no signature looked at; a power of two */
#define GATE_PASSWORD_BUSY_S 1 /* a guess takes a fraction of that */

struct gate_visit {
	struct list node; /* in the question that it waits for */
	struct loop_task task;
	void (*again)(void *ctx);
	void *ctx;
	bool wrong; /* the password that it came with was looked at, and is not the one */
	uint8_t asked[SEAL_MAC_LEN]; /* which that was */
	struct gate_source source;
};

struct gate_question {
	struct crew_job job;
	struct list node; /* in the password's list */
	struct gate_password *owner; /* borrowed; NULL once that is gone */
	struct list visits; /* who waits for the answer */
	struct gate_source source; /* of the one who asked first */
	struct password_digest digest;
	uint8_t asked[SEAL_MAC_LEN];
	char hash[PASSWORD_HASH_LEN + 1];
	bool right;
};

struct gate_password {
	struct worker *worker; /* borrowed */
	struct gate_sources *sources; /* owned */
	struct list questions; /* the first one is at the crew if anything is */
	unsigned question_count;
	bool at_crew;
	uint64_t known_until_ms; /* 0: no password is remembered */
	uint8_t known[SEAL_MAC_LEN]; /* the right one, as a keyed hash */
	uint64_t keys[GATE_PASSWORD_KEYS][2]; /* random: of the keyed hash of passwords */
	char sessions[GATE_PASSWORD_SESSIONS][SEAL_TEXT_LEN]; /* found good a moment ago */
	char hash[PASSWORD_HASH_LEN + 1];
	char (*ended)[SEAL_NONCE_LEN]; /* owned; the oldest is overwritten */
	unsigned ended_count;
};

/* ---- visits ---- */

static void gate_visit_on_task(struct loop_task *task)
{
	struct gate_visit *v = CONTAINER_OF(task, struct gate_visit, task);

	v->again(v->ctx);
}

static struct gate_visit *gate_visit_new(const struct gate_visitor *visitor)
{
	struct gate_visit *v = MEM_NEW(struct gate_visit);

	v->again = visitor->again;
	v->ctx = visitor->ctx;
	v->source = visitor->source;
	list_init(&v->node);
	loop_task_init(&v->task, gate_visit_on_task);
	return v;
}

void gate_visit_free(struct gate_visit **v)
{
	if (!*v)
		return;
	list_remove(&(*v)->node);
	loop_cancel(&(*v)->task);
	mem_free(*v);
	*v = NULL;
}

/* ---- questions ---- */

static void gate_question_on_run(struct crew_job *job)
{
	struct gate_question *q = CONTAINER_OF(job, struct gate_question, job);

	q->right = password_matches(&q->digest, q->hash);
}

static void gate_question_free(struct gate_question *q)
{
	mem_wipe(q, sizeof(*q));
	mem_free(q);
}

/* Whoever waits looks again; answered questions tell who was wrong. */
static void gate_question_tell(struct gate_question *q, struct loop *loop, bool wrong)
{
	while (!list_is_empty(&q->visits)) {
		struct gate_visit *v = CONTAINER_OF(q->visits.next, struct gate_visit, node);

		list_remove(&v->node);
		v->wrong = wrong;
		memcpy(v->asked, q->asked, sizeof(v->asked));
		loop_defer(loop, &v->task);
	}
}

/* Whoever asked has had a guess, and who has left meanwhile as well: nobody gets more of them by
 * not waiting for the answer. */
static void gate_question_count(const struct gate_question *q)
{
	struct gate_sources *sources = q->owner->sources;
	uint64_t now = loop_now(q->owner->worker->loop);
	bool left = true;

	LIST_EACH (node, &q->visits) {
		const struct gate_visit *v = CONTAINER_OF(node, struct gate_visit, node);

		gate_sources_fail(sources, &v->source, now);
		if (slice_eq(gate_source_slice(&v->source), gate_source_slice(&q->source)))
			left = false;
	}
	if (left)
		gate_sources_fail(sources, &q->source, now);
}

static void gate_password_go_on(struct gate_password *p);

static void gate_question_on_done(struct crew_job *job)
{
	struct gate_question *q = CONTAINER_OF(job, struct gate_question, job);
	struct gate_password *p = q->owner;
	bool wrong = !q->right && !job->dropped;

	if (p) {
		list_remove(&q->node);
		p->question_count--;
		p->at_crew = false;
		metrics_add(p->worker->metrics,
			q->right ? METRIC_PASSWORDS_RIGHT : METRIC_PASSWORDS_WRONG, 1);
		if (q->right) {
			memcpy(p->known, q->asked, sizeof(p->known));
			p->known_until_ms = loop_now(p->worker->loop) + GATE_PASSWORD_KNOWN_MS;
		}
		if (wrong)
			gate_question_count(q);
		gate_question_tell(q, p->worker->loop, wrong);
		gate_password_go_on(p);
	}
	gate_question_free(q);
}

/* Gives the crew the next question. When it takes none, those who wait are told to come again,
 * and find out that it is busy. */
static void gate_password_go_on(struct gate_password *p)
{
	struct gate_question *q;

	while (!p->at_crew && !list_is_empty(&p->questions)) {
		q = CONTAINER_OF(p->questions.next, struct gate_question, node);
		if (crew_submit(p->worker->shared->checkers, &q->job, p->worker->loop) == 0) {
			p->at_crew = true;
			return;
		}
		list_remove(&q->node);
		p->question_count--;
		gate_question_tell(q, p->worker->loop, false);
		gate_question_free(q);
	}
}

static struct gate_question *gate_password_find(
	struct gate_password *p, const uint8_t asked[SEAL_MAC_LEN])
{
	LIST_EACH (node, &p->questions) {
		struct gate_question *q = CONTAINER_OF(node, struct gate_question, node);

		if (ct_equal(q->asked, asked, SEAL_MAC_LEN))
			return q;
	}
	return NULL;
}

static unsigned gate_password_pending(struct gate_password *p, const struct gate_source *source)
{
	unsigned count = 0;

	LIST_EACH (node, &p->questions) {
		const struct gate_question *q = CONTAINER_OF(node, struct gate_question, node);

		count += slice_eq(gate_source_slice(&q->source), gate_source_slice(source));
	}
	return count;
}

static void gate_question_new(struct gate_password *p, struct slice password,
	const struct gate_source *source, const uint8_t asked[SEAL_MAC_LEN])
{
	struct gate_question *q = MEM_NEW(struct gate_question);

	q->owner = p;
	q->job.run = gate_question_on_run;
	q->job.done = gate_question_on_done;
	q->source = *source;
	list_init(&q->node);
	list_init(&q->visits);
	password_digest(password, &q->digest);
	memcpy(q->asked, asked, sizeof(q->asked));
	memcpy(q->hash, p->hash, sizeof(q->hash));
	list_append(&p->questions, &q->node);
	p->question_count++;
}

/* ---- the password ---- */

struct gate_password *gate_password_new(struct worker *w, const char *hash)
{
	struct gate_password *p = MEM_NEW(struct gate_password);

	CHECK(strlen(hash) == PASSWORD_HASH_LEN);
	p->worker = w;
	p->sources = gate_sources_new();
	list_init(&p->questions);
	rand_bytes(p->keys, sizeof(p->keys));
	memcpy(p->hash, hash, sizeof(p->hash));
	return p;
}

void gate_password_free(struct gate_password **p_ptr)
{
	struct gate_password *p = *p_ptr;

	if (!p)
		return;
	*p_ptr = NULL;
	while (!list_is_empty(&p->questions)) {
		struct gate_question *q =
			CONTAINER_OF(p->questions.next, struct gate_question, node);
		bool running = p->at_crew;

		p->at_crew = false;
		list_remove(&q->node);
		gate_question_tell(q, p->worker->loop, false);
		q->owner = NULL;
		if (!running)
			gate_question_free(q);
	}
	gate_sources_free(&p->sources);
	mem_free(p->ended);
	mem_wipe(p, sizeof(*p));
	mem_free(p);
}

struct slice gate_password_hash(const struct gate_password *p)
{
	return slice_of(p->hash, PASSWORD_HASH_LEN);
}

/* A hash of 256 bits under keys that never leave this memory, nor does what it makes: SipHash is
 * enough, and a fraction of the price of an HMAC for each request. */
static void gate_password_name(
	struct gate_password *p, struct slice password, uint8_t asked_out[SEAL_MAC_LEN])
{
	for (size_t i = 0; i < GATE_PASSWORD_KEYS; i++) {
		uint64_t hash = map_hash(p->keys[i], password);

		memcpy(asked_out + i * sizeof(hash), &hash, sizeof(hash));
	}
}

static bool gate_password_is_known(struct gate_password *p, const uint8_t asked[SEAL_MAC_LEN])
{
	if (!p->known_until_ms)
		return false;
	if (loop_now(p->worker->loop) >= p->known_until_ms) {
		p->known_until_ms = 0;
		mem_wipe(p->known, sizeof(p->known));
		return false;
	}
	return ct_equal(p->known, asked, SEAL_MAC_LEN);
}

/* A new question, or why there is none. */
static enum gate_password_answer gate_password_put(struct gate_password *p, struct slice password,
	const struct gate_visitor *visitor, const uint8_t asked[SEAL_MAC_LEN])
{
	uint64_t now = loop_now(p->worker->loop);
	unsigned failures = gate_sources_failures(p->sources, &visitor->source, now);

	/* What is being looked at may fail: nobody gets more guesses by sending them at once. */
	if (failures + gate_password_pending(p, &visitor->source) >= GATE_SOURCE_FAILURES)
		return GATE_PASSWORD_BLOCKED;
	if (p->question_count >= GATE_PASSWORD_QUEUE_MAX)
		return GATE_PASSWORD_BUSY;
	gate_question_new(p, password, &visitor->source, asked);
	gate_password_go_on(p);
	return GATE_PASSWORD_WAIT;
}

static enum gate_password_answer gate_password_ask(struct gate_password *p, struct slice password,
	struct gate_visitor *visitor, const uint8_t asked[SEAL_MAC_LEN])
{
	enum gate_password_answer answer = GATE_PASSWORD_WAIT;
	struct gate_question *q;

	visitor->retry_s = GATE_PASSWORD_BUSY_S;
	if (!gate_password_find(p, asked))
		answer = gate_password_put(p, password, visitor, asked);
	if (answer != GATE_PASSWORD_WAIT)
		return answer;
	q = gate_password_find(p, asked);
	if (!q) /* the crew has no room */
		return GATE_PASSWORD_BUSY;
	if (!*visitor->visit)
		*visitor->visit = gate_visit_new(visitor);
	list_append(&q->visits, &(*visitor->visit)->node);
	return GATE_PASSWORD_WAIT;
}

/* Whether the visit has waited for just this password, in vain. */
static bool gate_visit_take_wrong(struct gate_visit *v, const uint8_t asked[SEAL_MAC_LEN])
{
	bool wrong = v && v->wrong && ct_equal(v->asked, asked, SEAL_MAC_LEN);

	if (v)
		v->wrong = false;
	return wrong;
}

enum gate_password_answer gate_password_try(
	struct gate_password *p, struct slice password, struct gate_visitor *visitor)
{
	uint64_t now = loop_now(p->worker->loop);
	uint64_t blocked_ms = gate_sources_blocked_ms(p->sources, &visitor->source, now);
	uint8_t asked[SEAL_MAC_LEN];

	gate_password_name(p, password, asked);
	if (gate_visit_take_wrong(*visitor->visit, asked)) /* and was counted */
		return GATE_PASSWORD_WRONG;
	if (blocked_ms) {
		visitor->retry_s = (unsigned)((blocked_ms + 999) / 1000);
		return GATE_PASSWORD_BLOCKED;
	}
	if (gate_password_is_known(p, asked)) {
		gate_sources_forget(p->sources, &visitor->source);
		return GATE_PASSWORD_RIGHT;
	}
	if (!password_is_allowed(password)) {
		gate_sources_fail(p->sources, &visitor->source, now);
		return GATE_PASSWORD_WRONG;
	}
	return gate_password_ask(p, password, visitor, asked);
}

/* ---- sessions ---- */

/* Which place a session has in what is remembered: by a digit of its nonce. */
static char *gate_password_session_place(struct gate_password *p, struct slice session)
{
	return p->sessions[(unsigned char)seal_nonce(session).ptr[0] &
		(GATE_PASSWORD_SESSIONS - 1)];
}

bool gate_password_has_session(struct gate_password *p, struct slice session)
{
	return session.len == SEAL_TEXT_LEN &&
		ct_equal(gate_password_session_place(p, session), session.ptr, SEAL_TEXT_LEN);
}

void gate_password_note_session(struct gate_password *p, struct slice session)
{
	memcpy(gate_password_session_place(p, session), session.ptr, SEAL_TEXT_LEN);
}

void gate_password_end_session(struct gate_password *p, struct slice nonce)
{
	CHECK(nonce.len == SEAL_NONCE_LEN);
	mem_wipe(p->sessions, sizeof(p->sessions));
	if (!p->ended)
		p->ended = mem_zero(GATE_PASSWORD_ENDED_MAX * sizeof(*p->ended));
	memcpy(p->ended[p->ended_count++ % GATE_PASSWORD_ENDED_MAX], nonce.ptr, SEAL_NONCE_LEN);
}

bool gate_password_is_ended(const struct gate_password *p, struct slice nonce)
{
	unsigned count =
		p->ended_count < GATE_PASSWORD_ENDED_MAX ? p->ended_count : GATE_PASSWORD_ENDED_MAX;

	for (unsigned i = 0; i < count; i++) {
		if (!memcmp(p->ended[i], nonce.ptr, SEAL_NONCE_LEN))
			return true;
	}
	return false;
}
