/* A look is a few system calls every ten seconds, by a thread that has little else to do. */
#include "io/restwatch.h"

#include "base/attr.h"
#include "base/heap_linux.h"
#include "base/mem.h"
#include "io/machine.h"
#include "io/timeout.h"

struct restwatch {
	struct timeout_queue *looks; /* owned */
	struct timeout next;
	struct restwatch_state state;
};

bool restwatch_is_due(struct restwatch_state *s, uint64_t worked_us, uint64_t resident)
{
	bool is_first = !s->least, rests = worked_us - s->worked_us < RESTWATCH_BUSY_US;

	s->worked_us = worked_us;
	if (is_first || resident < s->least)
		s->least = resident;
	return rests && !is_first && resident - s->least >= RESTWATCH_WORTH;
}

static void restwatch_on_look(struct timeout *timeout)
{
	struct restwatch *w = CONTAINER_OF(timeout, struct restwatch, next);

	if (restwatch_is_due(&w->state, machine_worked_us(), machine_resident())) {
		heap_release();
		w->state.least = machine_resident();
	}
	timeout_arm(w->looks, &w->next);
}

struct restwatch *restwatch_new(struct loop *loop)
{
	struct restwatch *w = MEM_NEW(struct restwatch);

	w->looks = timeout_queue_new(loop, RESTWATCH_MS);
	timeout_init(&w->next, restwatch_on_look);
	restwatch_is_due(&w->state, machine_worked_us(), machine_resident());
	timeout_arm(w->looks, &w->next);
	return w;
}

void restwatch_free(struct restwatch **w_ptr)
{
	struct restwatch *w = *w_ptr;

	if (!w)
		return;
	*w_ptr = NULL;
	timeout_disarm(&w->next);
	timeout_queue_free(&w->looks);
	mem_free(w);
}
