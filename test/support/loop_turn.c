/* A task that is posted behind whatever waits already stops the loop again. */
#include "support/loop_turn.h"

#include "io/loop.h"

struct loop_turn {
	struct loop_task task;
	struct loop *loop;
};

static void loop_turn_on_task(struct loop_task *task)
{
	loop_stop(CONTAINER_OF(task, struct loop_turn, task)->loop);
}

void loop_turn(struct loop *loop)
{
	struct loop_turn turn = {.loop = loop};

	loop_task_init(&turn.task, loop_turn_on_task);
	loop_post(loop, &turn.task);
	loop_run(loop);
}
