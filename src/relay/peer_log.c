/*
 * Two budgets, so that a flood of refused requests takes no place from what agents do. The worker
 * that leaves out the first line tells of all of them a minute later.
 */
#include "relay/peer_log.h"

#include <arpa/inet.h>
#include <pthread.h>

#include "base/check.h"
#include "base/log_budget.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/num.h"
#include "crypto/digest.h"
#include "crypto/rand.h"
#include "relay/auth.h"
#include "relay/refusals.h"
#include "relay/worker.h"
#include "store/book.h"

#define PEER_LOG_KEY_MAX (128 + AUTH_HOLDER_MAX)
#define PEER_LOG_NETWORK_LEN 8 /* bytes of an IPv6 address that make a source */
#define PEER_LOG_REQUEST "request" /* the message of access lines */

enum { PEER_LOG_EVENTS, PEER_LOG_REQUESTS, PEER_LOG_BUDGETS };

struct peer_log {
	struct log *log; /* borrowed */
	pthread_mutex_t lock; /* for the rest */
	uint64_t seed[2];
	bool is_due; /* a worker's clock runs that will tell */
	struct log_budget budgets[PEER_LOG_BUDGETS];
};

/* ---- telling ---- */

static struct slice peer_log_account(
	struct book *book, struct slice number, char out[AUTH_HOLDER_MAX])
{
	struct account account;
	uint64_t id;

	if (!book || num_parse_u64(number, &id) != 0 || !book_find_account(book, id, &account))
		return number;
	return slice_of(out, slice_to_str(slice_from_str(account.name), out, AUTH_HOLDER_MAX));
}

/* An account by its name, an address as text again. */
static struct slice peer_log_name(struct book *book, struct slice source, char out[AUTH_HOLDER_MAX])
{
	uint8_t bytes[sizeof(struct in6_addr)] = {0};
	size_t len = source.len / 2; /* behind the mark, two digits for each */

	if (!source.len)
		return SLICE("others");
	if (source.ptr[0] == '#')
		return peer_log_account(book, slice_from(source, 1), out);
	if (source.ptr[0] != '@' || len > sizeof(bytes) ||
		!digest_unhex(slice_from(source, 1), bytes, len))
		return source;
	if (len == sizeof(struct in_addr) && inet_ntop(AF_INET, bytes, out, AUTH_HOLDER_MAX))
		return slice_from_str(out);
	if (len == PEER_LOG_NETWORK_LEN && inet_ntop(AF_INET6, bytes, out, AUTH_HOLDER_MAX))
		return slice_from_str(strcat(out, "/64"));
	return source;
}

static bool peer_log_next(struct peer_log *p, struct log_budget *b, size_t *at,
	struct log_budget_gap *gap_out, char source_out[LOG_BUDGET_SOURCE_MAX])
{
	bool found;

	pthread_mutex_lock(&p->lock);
	found = log_budget_next_gap(b, at, gap_out);
	if (found && gap_out->source.len)
		memcpy(source_out, gap_out->source.ptr, gap_out->source.len);
	pthread_mutex_unlock(&p->lock);
	gap_out->source.ptr = source_out;
	return found;
}

void peer_log_tell(struct peer_log *p, struct book *book)
{
	char source[LOG_BUDGET_SOURCE_MAX], name[AUTH_HOLDER_MAX];
	struct log_budget_gap gap;

	for (unsigned i = 0; i < PEER_LOG_BUDGETS; i++) {
		size_t at = 0;

		while (peer_log_next(p, &p->budgets[i], &at, &gap, source))
			log_warn(p->log, "log lines left out",
				LOG_STR("like", slice_from_str(gap.kind ? gap.kind : "others")),
				LOG_STR("source", peer_log_name(book, gap.source, name)),
				LOG_INT("count", gap.count));
	}
}

static void peer_log_on_due(struct timeout *timeout)
{
	struct worker *w = CONTAINER_OF(timeout, struct worker, peer_log_timeout);
	struct peer_log *p = w->shared->peers;

	pthread_mutex_lock(&p->lock);
	p->is_due = false;
	pthread_mutex_unlock(&p->lock);
	peer_log_tell(p, w->shared->book);
}

struct peer_log *peer_log_new(struct log *log)
{
	struct peer_log *p = MEM_NEW(struct peer_log);

	p->log = log;
	CHECK(pthread_mutex_init(&p->lock, NULL) == 0);
	rand_bytes(p->seed, sizeof(p->seed));
	for (unsigned i = 0; i < PEER_LOG_BUDGETS; i++)
		log_budget_init(&p->budgets[i]);
	return p;
}

void peer_log_free(struct peer_log **p_ptr)
{
	struct peer_log *p = *p_ptr;

	if (!p)
		return;
	*p_ptr = NULL;
	pthread_mutex_destroy(&p->lock);
	mem_free(p);
}

/* ---- asking ---- */

static struct slice peer_log_key(char out[PEER_LOG_KEY_MAX], const char *kind, struct slice source)
{
	size_t len = slice_to_str(slice_from_str(kind), out, PEER_LOG_KEY_MAX) + 1;

	return slice_of(out, len + slice_to_str(source, out + len, PEER_LOG_KEY_MAX - len));
}

static bool peer_log_takes(struct worker *w, unsigned budget, const char *kind, struct slice source)
{
	struct peer_log *p = w->shared->peers;
	bool takes, begins = false;
	char key[PEER_LOG_KEY_MAX];
	uint64_t hash = map_hash(p->seed, peer_log_key(key, kind, source));

	pthread_mutex_lock(&p->lock);
	takes = log_budget_take(&p->budgets[budget], hash, kind, source, loop_now(w->loop));
	if (!takes) {
		begins = !p->is_due;
		p->is_due = true;
	}
	pthread_mutex_unlock(&p->lock);
	if (!takes)
		metrics_add(w->metrics, METRIC_LOG_LEFT_OUT, 1);
	if (begins) {
		timeout_init(&w->peer_log_timeout, peer_log_on_due);
		timeout_arm(w->timeouts[WORKER_PEER_LOG], &w->peer_log_timeout);
	}
	return takes;
}

void peer_log_line(struct worker *w, struct slice source, const char *message,
	const struct log_field *fields, size_t count)
{
	if (log_wants(w->shared->log, LOG_INFO) &&
		peer_log_takes(w, PEER_LOG_EVENTS, message, source))
		log_line(w->shared->log, LOG_INFO, message, fields, count);
}

void peer_log_request(struct worker *w, struct slice address, const struct access_record *record)
{
	char source[AUTH_HOLDER_MAX];

	if (w->conf->access_log && log_wants(w->shared->log, LOG_INFO) &&
		peer_log_takes(
			w, PEER_LOG_REQUESTS, PEER_LOG_REQUEST, auth_holder(NULL, address, source)))
		worker_log_access(w, record);
}

bool peer_log_refuses(
	struct worker *w, struct slice address, const char *message, uint64_t *suppressed_out)
{
	char source[AUTH_HOLDER_MAX], key[PEER_LOG_KEY_MAX];
	bool due = refusals_due(w->shared->refusals,
		peer_log_key(key, message, auth_holder(NULL, address, source)), loop_now(w->loop),
		suppressed_out);

	if (!due)
		metrics_add(w->metrics, METRIC_LOG_LEFT_OUT, 1);
	return due;
}
