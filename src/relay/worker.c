/* What a worker owns, from its loop to its scratch buffers. */
#include "relay/worker.h"

#include <endian.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/num.h"
#include "crypto/rand.h"
#include "crypto/seal.h"
#include "relay/exchange_priv.h"
#include "relay/refusals.h"
#include "relay/session_tunnel.h"
#include "wire/session.h"

#define WORKER_LINGER_MS 2000
#define WORKER_HALF_CLOSED_MS 1000
#define WORKER_HALF_PAUSED_MS 5000
#define WORKER_SURPLUS_MS 1000
#define WORKER_HEAD_REST_MS 20
#define WORKER_ACCESS_LOG_MS 200
#define WORKER_PEER_LOG_MS 60000
#define WORKER_PACE_MS 10
#define WORKER_PROBE_MS 1000
#define WORKER_SESSION_TICK_MS 25
#define WORKER_SESSION_WATCH_MS 1000
#define WORKER_EXPIRY_MS 500
#define WORKER_ACCEPT_RETRY_MS 50
#define WORKER_FIRST_CONNECT_MIN_MS 1000 /* with a shorter grace nobody could ever connect */
#define WORKER_SPARE_OBJECTS 256u /* of each kind */
#define WORKER_OUT_KEEP 65536u /* a scratch buffer that grew beyond is given back */

static void worker_set_timeout(struct worker *w, enum worker_timeout id, uint64_t ms)
{
	if (w->timeouts[id])
		timeout_queue_set(w->timeouts[id], ms);
	else
		w->timeouts[id] = timeout_queue_new(w->loop, ms);
}

void worker_set_conf(struct worker *w, const struct relay_conf *conf)
{
	uint64_t first = conf->grace_ms, upload = conf->upload_timeout_ms;

	w->conf = conf;
	w->limits = (struct http1_limits) {conf->max_target, conf->max_head, conf->max_fields};
	atomic_store(&w->shared->tails.max, conf->session_buffer_total);
	if (first < WORKER_FIRST_CONNECT_MIN_MS)
		first = WORKER_FIRST_CONNECT_MIN_MS;
	if (conf->idle_timeout_ms && conf->idle_timeout_ms < upload)
		upload = conf->idle_timeout_ms;
	worker_set_timeout(w, WORKER_HEAD_TIMEOUT, conf->head_timeout_ms);
	worker_set_timeout(w, WORKER_KEEP_ALIVE, conf->keep_alive_timeout_ms);
	worker_set_timeout(w, WORKER_LINGER, WORKER_LINGER_MS);
	worker_set_timeout(w, WORKER_HALF_CLOSED, WORKER_HALF_CLOSED_MS);
	worker_set_timeout(w, WORKER_HALF_PAUSED, WORKER_HALF_PAUSED_MS);
	worker_set_timeout(w, WORKER_SOCKET_WAIT, conf->request_timeout_ms);
	worker_set_timeout(w, WORKER_UPGRADE_WAIT, conf->websocket_timeout_ms);
	worker_set_timeout(w, WORKER_RESPONSE, conf->response_timeout_ms);
	worker_set_timeout(w, WORKER_UPLOAD, upload);
	worker_set_timeout(w, WORKER_IDLE, conf->idle_timeout_ms);
	worker_set_timeout(w, WORKER_GRACE, conf->grace_ms ? conf->grace_ms : 1);
	worker_set_timeout(w, WORKER_FIRST_CONNECT, first);
	worker_set_timeout(w, WORKER_HEAD_REST, WORKER_HEAD_REST_MS);
	worker_set_timeout(w, WORKER_SURPLUS, WORKER_SURPLUS_MS);
	worker_set_timeout(w, WORKER_HOLD, conf->hold_timeout_ms);
	worker_set_timeout(w, WORKER_HEARTBEAT, conf->heartbeat_ms);
	worker_set_timeout(w, WORKER_SILENCE, conf->heartbeat_ms * 5 / 2);
	worker_set_timeout(w, WORKER_PROBE, WORKER_PROBE_MS);
	worker_set_timeout(w, WORKER_SESSION_TICK, WORKER_SESSION_TICK_MS);
	worker_set_timeout(w, WORKER_SESSION_WATCH, WORKER_SESSION_WATCH_MS);
	worker_set_timeout(w, WORKER_EXPIRY, WORKER_EXPIRY_MS);
	worker_set_timeout(w, WORKER_ACCEPT_RETRY, WORKER_ACCEPT_RETRY_MS);
	worker_set_timeout(w, WORKER_ACCESS_LOG, WORKER_ACCESS_LOG_MS);
	worker_set_timeout(w, WORKER_PEER_LOG, WORKER_PEER_LOG_MS);
	worker_set_timeout(w, WORKER_PACE, WORKER_PACE_MS);
}

void worker_use_secret(struct worker *w)
{
	seal_free(&w->seal);
	w->seal = seal_new(w->shared->gate_secret);
}

static void worker_on_access_timeout(struct timeout *timeout)
{
	struct worker *w = CONTAINER_OF(timeout, struct worker, access_timeout);

	access_log_flush(w->access);
}

/* Until review_init() says what there is to look at. */
static void worker_on_review(struct loop_task *task)
{
	struct worker *w = CONTAINER_OF(task, struct worker, review);

	atomic_store(&w->reviewing, false);
}

struct worker *worker_new(
	unsigned index, struct relay_shared *shared, const struct relay_conf *conf)
{
	struct worker *w = MEM_NEW(struct worker);
	uint64_t seed[2];

	rand_bytes(seed, sizeof(seed));
	rand_bytes(&w->request_id_base, sizeof(w->request_id_base));
	w->index = index;
	w->shared = shared;
	w->loop = loop_new();
	map_init(&w->tunnels, seed);
	list_init(&w->fronts);
	pool_init(&w->exchanges, sizeof(struct exchange), WORKER_SPARE_OBJECTS);
	pool_init(&w->exchange_works, sizeof(struct exchange_work), WORKER_SPARE_OBJECTS);
	pool_init(&w->streams, session_stream_size(), WORKER_SPARE_OBJECTS);
	pool_init(&w->upstreams, sizeof(struct session_upstream), WORKER_SPARE_OBJECTS);
	list_init(&w->handshakes);
	map_init(&w->agents, seed);
	list_init(&w->parked);
	list_init(&w->tcp_visitors);
	worker_use_secret(w);
	w->metrics = MEM_NEW(struct metrics);
	w->access = access_log_new(shared->log);
	timeout_init(&w->access_timeout, worker_on_access_timeout);
	loop_task_init(&w->review, worker_on_review);
	worker_set_conf(w, conf);
	return w;
}

void worker_free(struct worker **w_ptr)
{
	struct worker *w = *w_ptr;

	if (!w)
		return;
	*w_ptr = NULL;
	CHECK(list_is_empty(&w->fronts) && list_is_empty(&w->tcp_visitors) && !w->tunnels.count &&
		!w->agents.count);
	for (unsigned i = 0; i < WORKER_TIMEOUT_COUNT; i++)
		timeout_queue_free(&w->timeouts[i]);
	for (unsigned i = 0; i < PLANS_MAX; i++)
		timeout_queue_free(&w->idle_queues[i]);
	loop_free(&w->loop);
	pool_deinit(&w->exchanges);
	pool_deinit(&w->exchange_works);
	pool_deinit(&w->streams);
	pool_deinit(&w->upstreams);
	map_deinit(&w->tunnels);
	map_deinit(&w->agents);
	seal_free(&w->seal);
	access_log_free(&w->access);
	route_host_deinit(&w->host);
	buf_release(&w->out);
	buf_release(&w->path);
	buf_release(&w->bare_path);
	buf_release(&w->line);
	buf_release(&w->answer);
	mem_free(w->metrics);
	mem_free(w);
}

void worker_review(struct worker *w)
{
	if (!atomic_exchange(&w->reviewing, true))
		loop_post(w->loop, &w->review);
}

void worker_set_idle(struct worker *w, unsigned plan, uint64_t ms)
{
	if (w->idle_queues[plan])
		timeout_queue_set(w->idle_queues[plan], ms);
	else
		w->idle_queues[plan] = timeout_queue_new(w->loop, ms);
}

/* Eight digits: one to a byte, and those beyond nine moved on to the letters. */
static void worker_put_hex(char out[8], uint32_t value)
{
	const uint64_t ones = UINT64_MAX / 0xff;
	uint64_t digits = value;

	digits = (digits | digits << 16) & 0x0000ffff0000ffffu;
	digits = (digits | digits << 8) & 0x00ff00ff00ff00ffu;
	digits = (digits | digits << 4) & 0x0f0f0f0f0f0f0f0fu;
	digits += ones * '0' + ((digits + ones * 6) >> 4 & ones) * ('a' - '0' - 10);
	digits = htobe64(digits);
	memcpy(out, &digits, sizeof(digits));
}

void worker_next_request_id(struct worker *w, char out[WORKER_REQUEST_ID_LEN])
{
	/* An odd multiplier walks through all 2^64 values before one comes again. */
	uint64_t id = w->request_id_base + ++w->request_count * 0x9e3779b97f4a7c15u;

	worker_put_hex(out, (uint32_t)(id >> 32));
	worker_put_hex(out + 8, (uint32_t)id);
}

bool worker_is_crowded(const struct worker *w)
{
	uint64_t max = w->conf->max_connections;

	return max && atomic_load_explicit(&w->shared->connections, memory_order_relaxed) >= max;
}

void worker_uncount_visitor(struct relay_shared *shared)
{
	if (atomic_fetch_sub(&shared->connections, 1) == 1)
		shared->on_quiet(shared);
}

void worker_lacks_descriptors(struct worker *w)
{
	uint64_t suppressed;

	if (refusals_due(w->shared->notices, SLICE("descriptors"), loop_now(w->loop), &suppressed))
		log_error(w->shared->log,
			"out of file descriptors, accepting pauses: raise the limit (ulimit -n, "
			"LimitNOFILE)",
			LOG_INT("visitors", atomic_load(&w->shared->connections)));
}

void worker_log_access(struct worker *w, const struct access_record *record)
{
	if (w->out.cap > WORKER_OUT_KEEP && !buf_len(&w->out))
		buf_release(&w->out);
	if (!w->conf->access_log)
		return;
	if (access_log_put(w->access, record, loop_wall_ms())) {
		timeout_disarm(&w->access_timeout);
		access_log_flush(w->access);
	} else if (!timeout_is_armed(&w->access_timeout)) {
		timeout_arm(w->timeouts[WORKER_ACCESS_LOG], &w->access_timeout);
	}
}
