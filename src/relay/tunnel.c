/* Names, owners, grace and the queue of waiters: what all kinds of tunnels have in common. */
#include "relay/tunnel.h"

#include "base/check.h"
#include "base/mem.h"
#include "io/loop.h"
#include "relay/directory.h"
#include "relay/holdings.h"
#include "relay/meter.h"
#include "relay/peer_log.h"
#include "relay/tunnel_gate.h"
#include "relay/worker.h"

static struct slice tunnel_holder(const struct tunnel *t)
{
	return slice_from_str(t->holder);
}

static void tunnel_on_grace_over(struct timeout *timeout)
{
	struct tunnel *t = CONTAINER_OF(timeout, struct tunnel, grace);

	peer_log(t->worker, tunnel_holder(t), "tunnel expired", LOG_STR("tunnel", tunnel_name(t)));
	metrics_add(t->worker->metrics, METRIC_TUNNELS_EXPIRED, 1);
	tunnel_close(t);
}

void tunnel_init(struct tunnel *t, struct worker *w, const struct tunnel_ops *ops,
	struct slice name, struct identity owner)
{
	CHECK(name.len <= NAME_MAX_LEN);
	t->ops = ops;
	t->worker = w;
	t->refs = 1;
	t->state = TUNNEL_OFFLINE;
	t->owner_kind = owner.kind;
	t->owner = mem_dup_str(owner.text.ptr, owner.text.len);
	t->created_ms = loop_wall_ms();
	t->name_len = (uint8_t)slice_to_str(name, t->name, sizeof(t->name));
	list_init(&t->waiters);
	timeout_init(&t->grace, tunnel_on_grace_over);
	map_put(&w->tunnels, tunnel_name(t), t);
	metrics_add(w->metrics, METRIC_TUNNELS_CREATED, 1);
	metrics_add(w->metrics, METRIC_TUNNELS_OPEN, 1);
	tunnel_restart_grace(t);
}

struct identity tunnel_owner(const struct tunnel *t)
{
	return (struct identity) {t->owner_kind, slice_from_str(t->owner)};
}

static void tunnel_put_password(struct tunnel *t)
{
	if (t->counts_password)
		holdings_put(
			t->worker->shared->holdings, slice_from_str(t->holder), HOLDING_PASSWORDS);
	t->counts_password = false;
}

void tunnel_put_gate(struct tunnel *t, struct tunnel_gate *gate)
{
	bool counts = gate && gate->password && t->holder && t->state != TUNNEL_CLOSED;

	if (counts && !t->counts_password)
		holdings_retake(
			t->worker->shared->holdings, slice_from_str(t->holder), HOLDING_PASSWORDS);
	else if (!counts)
		tunnel_put_password(t);
	t->counts_password = counts;
	tunnel_gate_free(&t->gate);
	t->gate = gate;
}

struct tunnel_gate *tunnel_take_gate(struct tunnel *t)
{
	struct tunnel_gate *gate = t->gate;

	t->gate = NULL;
	return gate;
}

void tunnel_hold(struct tunnel *t, struct slice holder)
{
	t->holder = mem_dup_str(holder.ptr, holder.len);
	t->counts = true;
}

void tunnel_set_key(struct tunnel *t, const char *key_id)
{
	slice_to_str(slice_from_str(key_id), t->key_id, sizeof(t->key_id));
}

/* A tunnel in its grace period keeps its name, but nobody from having another one. */
static void tunnel_put_holding(struct tunnel *t)
{
	if (t->counts)
		holdings_put(
			t->worker->shared->holdings, slice_from_str(t->holder), HOLDING_TUNNELS);
	t->counts = false;
}

/* It is served again: whether there are too many by now is looked at when this turn is over. */
static void tunnel_retake_holding(struct tunnel *t)
{
	if (!t->holder || t->counts)
		return;
	holdings_retake(t->worker->shared->holdings, slice_from_str(t->holder), HOLDING_TUNNELS);
	t->counts = true;
	worker_review(t->worker);
}

void tunnel_ref(struct tunnel *t)
{
	t->refs++;
}

void tunnel_unref(struct tunnel **t_ptr)
{
	struct tunnel *t = *t_ptr;

	if (!t)
		return;
	*t_ptr = NULL;
	CHECK(t->refs > 0);
	if (--t->refs)
		return;
	CHECK(t->state == TUNNEL_CLOSED && list_is_empty(&t->waiters));
	mem_free(t->owner);
	mem_free(t->holder);
	meter_free(&t->meter);
	t->ops->free(t);
}

static void tunnel_tell_waiters_closed(struct tunnel *t)
{
	while (!list_is_empty(&t->waiters)) {
		struct tunnel_waiter *w = CONTAINER_OF(t->waiters.next, struct tunnel_waiter, node);

		tunnel_unwait(t, w);
		w->closed(w);
	}
}

static void tunnel_end(struct tunnel *t, const unsigned *heir)
{
	struct directory *d = t->worker->shared->directory;
	struct tunnel *self = t;

	if (t->state == TUNNEL_CLOSED)
		return;
	t->state = TUNNEL_CLOSED;
	tunnel_put_password(t);
	tunnel_put_holding(t);
	timeout_disarm(&t->grace);
	if (t->meter)
		meter_close(t->meter);
	map_remove(&t->worker->tunnels, tunnel_name(t));
	t->ops->close(t);
	if (heir)
		directory_pass(d, tunnel_name(t), *heir, t->ops->port(t));
	else
		directory_release(d, tunnel_name(t), t->ops->port(t));
	metrics_sub(t->worker->metrics, METRIC_TUNNELS_OPEN, 1);
	tunnel_tell_waiters_closed(t);
	tunnel_gate_free(&t->gate);
	tunnel_unref(&self);
}

void tunnel_close(struct tunnel *t)
{
	tunnel_end(t, NULL);
}

void tunnel_close_for(struct tunnel *t, unsigned heir)
{
	tunnel_end(t, &heir);
}

void tunnel_close_because(struct tunnel *t, const char *code, const char *message)
{
	t->close_code = code;
	t->close_message = message;
	tunnel_close(t);
}

static void tunnel_on_idle(struct tunnel *t)
{
	peer_log(t->worker, tunnel_holder(t), "tunnel without visitors ended",
		LOG_STR("tunnel", tunnel_name(t)));
	metrics_add(t->worker->metrics, METRIC_TUNNELS_IDLE, 1);
	tunnel_close_because(
		t, "idle-timeout", "Nobody visited this tunnel for as long as its plan allows.");
}

void tunnel_settle(struct tunnel *t)
{
	if (t->state != TUNNEL_CLOSED)
		meter_settle(t, tunnel_on_idle);
}

void tunnel_set_online(struct tunnel *t)
{
	if (t->state != TUNNEL_OFFLINE)
		return;
	t->state = TUNNEL_ONLINE;
	t->was_online = true;
	tunnel_retake_holding(t);
	directory_set_idle(t->worker->shared->directory, tunnel_name(t), false);
	timeout_disarm(&t->grace);
	peer_log(t->worker, tunnel_holder(t), "tunnel online", LOG_STR("tunnel", tunnel_name(t)));
}

void tunnel_set_offline(struct tunnel *t)
{
	if (t->state != TUNNEL_ONLINE)
		return;
	t->state = TUNNEL_OFFLINE;
	tunnel_put_holding(t);
	directory_set_idle(t->worker->shared->directory, tunnel_name(t), true);
	peer_log(t->worker, tunnel_holder(t), "tunnel offline", LOG_STR("tunnel", tunnel_name(t)),
		LOG_INT("grace_ms", t->worker->conf->grace_ms));
	tunnel_restart_grace(t);
}

void tunnel_restart_grace(struct tunnel *t)
{
	if (t->state != TUNNEL_OFFLINE)
		return;
	timeout_arm(t->worker->timeouts[t->was_online ? WORKER_GRACE : WORKER_FIRST_CONNECT],
		&t->grace);
}

unsigned tunnel_grace_left_s(const struct tunnel *t)
{
	uint64_t now = loop_now(t->worker->loop), left;

	if (!timeout_is_armed(&t->grace) || t->grace.deadline <= now)
		return 1;
	left = (t->grace.deadline - now + 999) / 1000;
	return left ? (unsigned)left : 1;
}

struct upstream *tunnel_take(struct tunnel *t, const struct tunnel_taker *taker)
{
	struct upstream *up = t->state == TUNNEL_ONLINE ? t->ops->take(t, taker) : NULL;

	if (!up)
		return NULL;
	up->tunnel = t;
	tunnel_ref(t);
	up->revoked = taker->revoked;
	up->holder = taker->holder;
	return up;
}

void upstream_tell(struct upstream *up, enum visitor_error error)
{
	if (up->tunnel->ops->tell)
		up->tunnel->ops->tell(up, error);
}

void upstream_put(struct upstream **up_ptr, bool reusable)
{
	struct upstream *up = *up_ptr;
	struct tunnel *t;

	if (!up)
		return;
	*up_ptr = NULL;
	t = up->tunnel;
	up->revoked = NULL;
	up->holder = NULL;
	up->tunnel = NULL;
	up->used = true;
	t->ops->put(up, reusable && up->stream && t->state != TUNNEL_CLOSED);
	tunnel_unref(&t);
}

bool tunnel_wait(struct tunnel *t, struct tunnel_waiter *w)
{
	const struct relay_conf *conf = t->worker->conf;

	if (t->state == TUNNEL_CLOSED || t->waiter_count >= conf->max_waiting)
		return false;
	if (t->ops->holds && t->held_bytes + w->held_bytes > conf->hold_bytes)
		return false;
	list_append(&t->waiters, &w->node);
	t->waiter_count++;
	t->held_bytes += w->held_bytes;
	metrics_add(t->worker->metrics, METRIC_WAITING, 1);
	return true;
}

void tunnel_unwait(struct tunnel *t, struct tunnel_waiter *w)
{
	if (!list_is_linked(&w->node))
		return;
	list_remove(&w->node);
	t->waiter_count--;
	t->held_bytes -= w->held_bytes;
	metrics_sub(t->worker->metrics, METRIC_WAITING, 1);
}

enum worker_timeout tunnel_wait_clock(const struct tunnel *t, bool upgrade)
{
	if (t->ops->holds && t->state == TUNNEL_OFFLINE)
		return WORKER_HOLD;
	return upgrade ? WORKER_UPGRADE_WAIT : WORKER_SOCKET_WAIT;
}

void tunnel_serve_waiters(struct tunnel *t)
{
	struct tunnel_waiter *w;

	if (list_is_empty(&t->waiters))
		return;
	w = CONTAINER_OF(t->waiters.next, struct tunnel_waiter, node);
	w->ready(w);
}

void tunnel_serve_all_waiters(struct tunnel *t)
{
	unsigned before;

	do {
		before = t->waiter_count;
		tunnel_serve_waiters(t);
	} while (t->waiter_count < before);
}
