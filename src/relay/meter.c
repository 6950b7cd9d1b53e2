/*
 * Bandwidth is kept by letting visitors pay for what was read already: each waits until its bytes,
 * behind all bytes before them, are through at the plan's speed. So they take turns, nothing is
 * read meanwhile, and the senders are slowed by their own windows. One timer serves all that wait
 * at one tunnel.
 */
#include "relay/meter.h"

#include "base/check.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/rate.h"
#include "io/loop.h"
#include "io/stream.h"
#include "relay/plans.h"
#include "relay/tunnel.h"
#include "relay/usages.h"
#include "relay/worker.h"
#include "store/book.h"

#define METER_STEPS_A_SECOND 10u
#define METER_STEP_MIN 1024u

struct meter {
	struct worker *worker; /* borrowed */
	struct tunnel *tunnel; /* borrowed */
	struct usages_row *usage; /* borrowed; NULL: nobody counts */
	struct plan plan; /* as it was when it was settled */
	struct rate_window requests;
	struct rate_pace pace;
	struct list waiting; /* struct meter_visit, who may go on next in front */
	struct timeout tick; /* armed while somebody waits */
	struct timeout idle;
	void (*on_idle)(struct tunnel *t);
	uint64_t visitors;
};

/* ---- waiting for bandwidth ---- */

static void meter_release(struct meter *m, uint64_t now_us)
{
	struct list due;

	list_init(&due);
	while (!list_is_empty(&m->waiting)) {
		struct meter_visit *v = CONTAINER_OF(m->waiting.next, struct meter_visit, node);

		if (v->until_us > now_us)
			break;
		list_remove(&v->node);
		list_append(&due, &v->node);
	}
	while (!list_is_empty(&due)) {
		struct meter_visit *v = CONTAINER_OF(list_pop(&due), struct meter_visit, node);

		v->go_on(v);
	}
}

static void meter_on_tick(struct timeout *timeout)
{
	struct meter *m = CONTAINER_OF(timeout, struct meter, tick);

	/* Who goes on may end, but its tunnel, and the meter, not before this turn is over. */
	meter_release(m, loop_clock_us());
	if (!list_is_empty(&m->waiting))
		timeout_arm(m->worker->timeouts[WORKER_PACE], &m->tick);
}

static void meter_wait(struct meter *m, struct meter_visit *v, uint64_t until_us)
{
	metrics_add(m->worker->metrics, METRIC_PACED, 1);
	v->until_us = until_us;
	list_remove(&v->node);
	list_append(&m->waiting, &v->node);
	if (!timeout_is_armed(&m->tick))
		timeout_arm(m->worker->timeouts[WORKER_PACE], &m->tick);
}

/* ---- being left alone ---- */

static void meter_on_idle(struct timeout *timeout)
{
	struct meter *m = CONTAINER_OF(timeout, struct meter, idle);

	m->on_idle(m->tunnel);
}

static void meter_watch_idle(struct meter *m)
{
	timeout_disarm(&m->idle);
	if (m->plan.idle_ms != PLAN_UNLIMITED && !m->visitors && m->tunnel->state != TUNNEL_CLOSED)
		timeout_arm(m->worker->idle_queues[m->plan.index], &m->idle);
}

/* ---- plans ---- */

static struct meter *meter_new(struct tunnel *t, void (*idle)(struct tunnel *t))
{
	struct meter *m = MEM_NEW(struct meter);

	m->worker = t->worker;
	m->tunnel = t;
	m->on_idle = idle;
	m->plan.idle_ms = PLAN_UNLIMITED;
	list_init(&m->waiting);
	timeout_init(&m->tick, meter_on_tick);
	timeout_init(&m->idle, meter_on_idle);
	return m;
}

static void meter_use_plan(struct meter *m, const struct plan *plan)
{
	struct plan before = m->plan;

	m->plan = *plan;
	if (before.bandwidth != plan->bandwidth) {
		m->pace = (struct rate_pace) {0};
		LIST_EACH (node, &m->waiting)
			CONTAINER_OF(node, struct meter_visit, node)->until_us = 0;
	}
	if (plan->idle_ms != PLAN_UNLIMITED)
		worker_set_idle(m->worker, plan->index, plan->idle_ms);
	if (before.idle_ms != plan->idle_ms || before.index != plan->index)
		meter_watch_idle(m);
}

static uint64_t meter_account(const struct tunnel *t)
{
	uint64_t id;

	if (t->owner_kind != IDENTITY_ACCOUNT || num_parse_u64(slice_from_str(t->owner), &id) != 0)
		return 0;
	return id;
}

static const struct plan *meter_plan(const struct tunnel *t, uint64_t account_id)
{
	const struct plans *plans = t->worker->conf->plans;
	struct book *book = t->worker->shared->book;
	struct account account;

	if (!account_id)
		return plans_anonymous(plans);
	if (!book || !book_find_account(book, account_id, &account))
		return plans_get(plans, SLICE(""));
	return plans_get(plans, slice_from_str(account.plan));
}

void meter_settle(struct tunnel *t, void (*idle)(struct tunnel *t))
{
	uint64_t account_id = meter_account(t);
	const struct plan *plan = meter_plan(t, account_id);
	bool counts = t->worker->shared->store || plan->monthly_bytes != PLAN_UNLIMITED;

	if (!t->meter && !counts && !plan_limits_tunnels(plan))
		return;
	if (!t->meter)
		t->meter = meter_new(t, idle);
	meter_use_plan(t->meter, plan);
	if (counts && t->worker->shared->usages)
		t->meter->usage = usages_get(t->worker->shared->usages, account_id);
}

void meter_close(struct meter *m)
{
	timeout_disarm(&m->idle);
}

void meter_free(struct meter **m_ptr)
{
	struct meter *m = *m_ptr;

	if (!m)
		return;
	*m_ptr = NULL;
	CHECK(list_is_empty(&m->waiting));
	timeout_disarm(&m->tick);
	timeout_disarm(&m->idle);
	mem_free(m);
}

/* ---- visitors ---- */

uint32_t meter_step(const struct meter *m)
{
	uint64_t step = m->plan.bandwidth / METER_STEPS_A_SECOND;

	if (step < METER_STEP_MIN)
		return METER_STEP_MIN;
	return step < STREAM_READ_SMALL ? (uint32_t)step : STREAM_READ_SMALL;
}

bool meter_is_spent(const struct meter *m)
{
	return m->plan.monthly_bytes != PLAN_UNLIMITED && m->usage &&
		usages_of_month(m->usage) >= m->plan.monthly_bytes;
}

bool meter_admit(struct meter *m, enum visitor_error *error_out, uint64_t *retry_s_out)
{
	uint64_t wait_ms = 0;

	if (meter_is_spent(m)) {
		*error_out = VISITOR_ERROR_QUOTA_EXCEEDED;
		*retry_s_out = usages_month_left_s(loop_wall_ms());
		return false;
	}
	if (m->plan.requests_per_minute != PLAN_UNLIMITED)
		wait_ms = rate_window_take(&m->requests, (uint32_t)m->plan.requests_per_minute,
			loop_now(m->worker->loop));
	if (!wait_ms)
		return true;
	*error_out = VISITOR_ERROR_RATE_LIMITED;
	*retry_s_out = (wait_ms + 999) / 1000;
	return false;
}

bool meter_has_room(const struct meter *m)
{
	return m->visitors < m->plan.visitors;
}

void meter_visit_init(struct meter_visit *v, void (*go_on)(struct meter_visit *visit))
{
	list_init(&v->node);
	v->go_on = go_on;
}

void meter_enter(struct tunnel *t, struct meter_visit *v)
{
	struct meter *m = t->meter;

	if (!m)
		return;
	v->entered = true;
	m->visitors++;
	timeout_disarm(&m->idle);
	if (m->usage)
		usages_count_request(m->usage);
}

bool meter_tell(struct tunnel *t, struct meter_visit *v, uint64_t in, uint64_t out)
{
	struct meter *m = t->meter;
	uint64_t more_in = in - v->in, more_out = out - v->out, now_us, until_us;

	v->in = in;
	v->out = out;
	if (!m)
		return false;
	if (!v->entered) { /* the limits came while it was served */
		meter_enter(t, v);
		return false;
	}
	if (!more_in && !more_out)
		return meter_visit_waits(v);
	if (m->usage)
		usages_count(m->usage, more_in, more_out);
	now_us = loop_clock_us();
	until_us = now_us;
	if (m->plan.bandwidth != PLAN_UNLIMITED)
		until_us = rate_pace_spend(&m->pace, m->plan.bandwidth, more_in + more_out, now_us);
	if (until_us > now_us || meter_is_spent(m))
		meter_wait(m, v, until_us);
	return meter_visit_waits(v);
}

void meter_leave(struct tunnel *t, struct meter_visit *v)
{
	list_remove(&v->node);
	if (!v->entered)
		return;
	v->entered = false;
	if (--t->meter->visitors == 0)
		meter_watch_idle(t->meter);
}
