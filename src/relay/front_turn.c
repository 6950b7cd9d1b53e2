/* Counts the requests that were begun with in the turn of the last one. */
#include "relay/front_turn.h"

#include "io/loop.h"
#include "relay/front_priv.h"
#include "relay/worker.h"

#define FRONT_TURN_REQUESTS 16u

void front_turn_put_off(struct front *f)
{
	f->put_off = true;
	loop_put_off(f->worker->loop, &f->next);
}

bool front_turn_take(struct front *f)
{
	uint32_t turn = loop_turn_number(f->worker->loop);

	if (f->turn != turn) {
		f->turn = turn;
		f->turn_requests = 0;
	}
	if (f->turn_requests < FRONT_TURN_REQUESTS) {
		f->turn_requests++;
		return true;
	}
	front_turn_put_off(f);
	return false;
}
