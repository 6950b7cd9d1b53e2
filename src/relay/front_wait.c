/* Keeps a request's words for the log until there is something to say. */
#include "relay/front_wait.h"

#include "base/mem.h"
#include "relay/api_later.h"
#include "relay/exchange.h"
#include "relay/front_close.h"
#include "relay/front_log.h"
#include "relay/front_priv.h"
#include "relay/reply.h"
#include "relay/worker.h"

struct front_wait {
	struct front *front; /* borrowed */
	struct api_later *later; /* owned */
	const struct exchange_events *events; /* borrowed */
	char *method; /* owned */
	char *path; /* owned */
	char *visitor; /* owned */
	char *source; /* owned */
	uint64_t began_us;
	size_t bytes_in;
	bool head_only;
	bool http_1_0;
	bool keep_alive;
};

static void front_wait_free(struct front *f)
{
	struct front_wait *wait = f->wait;

	f->wait = NULL;
	mem_free(wait->method);
	mem_free(wait->path);
	mem_free(wait->visitor);
	mem_free(wait->source);
	mem_free(wait);
}

void front_wait_end(struct front *f)
{
	if (!f->wait)
		return;
	f->wait->later->answered = NULL;
	front_wait_free(f);
}

static void front_wait_record(const struct front_wait *wait, const struct reply *reply)
{
	struct access_record record = {
		.visitor = slice_from_str(wait->visitor),
		.method = slice_from_str(wait->method),
		.path = slice_from_str(wait->path),
		.error_code = slice_from_str(reply->code),
		.status = reply->status,
		.bytes_in = wait->bytes_in,
		.duration_us = loop_clock_us() - wait->began_us,
	};

	front_log_answer(wait->front->worker, slice_from_str(wait->source), &record);
}

static void front_wait_answer(struct front_wait *wait)
{
	struct front *f = wait->front;
	struct worker *w = f->worker;
	bool keep_alive = wait->keep_alive && !atomic_load(&w->shared->draining);
	struct reply reply = {
		.head_only = wait->head_only,
		.close = !keep_alive,
		.say_keep_alive = keep_alive && wait->http_1_0,
	};

	buf_clear(&w->answer);
	wait->later->write(wait->later, &w->answer, &reply);
	front_wait_record(wait, &reply);
	front_write(f, buf_slice(&w->answer));
	/* It may have been a key. */
	mem_wipe(w->answer.base, w->answer.cap);
	buf_release(&w->answer);
	wait->keep_alive = keep_alive;
}

/* On the loop, and not inside of anything of the front's. */
static void front_wait_on_answered(void *ctx)
{
	struct front_wait *wait = ctx;
	struct front *f = wait->front;
	const struct exchange_events *events = wait->events;
	/* Who has left in this turn is freed at its end, and has no stream any more. */
	bool is_there = f->state != FRONT_GONE, keep_alive;

	if (is_there)
		front_wait_answer(wait);
	keep_alive = wait->keep_alive;
	wait->later->free(wait->later);
	front_wait_free(f);
	if (is_there)
		events->done(f, keep_alive, false);
}

void front_wait_begin(struct front *f, const struct front_wait_setup *setup)
{
	struct front_wait *wait = MEM_NEW(struct front_wait);

	wait->front = f;
	wait->later = setup->later;
	wait->events = setup->events;
	wait->method = mem_dup_str(setup->method.ptr, setup->method.len);
	wait->path = mem_dup_str(setup->path.ptr, setup->path.len);
	wait->visitor = mem_dup_str(setup->visitor.ptr, setup->visitor.len);
	wait->source = mem_dup_str(setup->source.ptr, setup->source.len);
	wait->began_us = loop_clock_us();
	wait->bytes_in = setup->bytes_in;
	wait->head_only = setup->head_only;
	wait->http_1_0 = setup->http_1_0;
	wait->keep_alive = setup->keep_alive;
	setup->later->answered = front_wait_on_answered;
	setup->later->ctx = wait;
	f->wait = wait;
	f->state = FRONT_WAITING;
	timeout_disarm(&f->timeout);
}
