/* Connections between two requests. */
#include "relay/front_rest.h"

#include "relay/front_priv.h"
#include "relay/worker.h"

bool front_rest_is_draining(const struct front *f)
{
	return atomic_load_explicit(&f->worker->shared->draining, memory_order_relaxed);
}

/* Whether some of a head has come; the empty line that may stand before one is not part of it. */
bool front_rest_has_begun(const struct front *f)
{
	struct slice in = buf_slice(&f->inbox);

	return in.len > 2 || (in.len && in.ptr[0] != '\r');
}

/* It has all its answers, and has not begun another request. */
bool front_rest_is_at_rest(const struct front *f)
{
	return f->state == FRONT_HEAD && !f->full && !front_rest_has_begun(f);
}

/*
 * Between requests. While the answer before is still going out, the visitor is neither idle nor
 * late with a head, whatever it sent behind.
 */
void front_rest_arm(struct front *f)
{
	enum worker_timeout clock = WORKER_HEAD_TIMEOUT;
	bool begun = front_rest_has_begun(f);

	if (f->full)
		clock = WORKER_IDLE;
	else if (!begun && f->answered)
		clock = WORKER_KEEP_ALIVE;
	else if (f->known.head_started)
		return;
	timeout_arm(f->worker->timeouts[clock], &f->timeout);
	f->known.head_started = begun && !f->full;
}
