/* Puts the parts of a relay together that its workers need, and takes them apart again. */
#include "worker_rig.h"

#include "relay/agent_session.h"
#include "relay/tunnel.h"
#include "store/book.h"

void worker_rig_start(struct worker_rig *rig, unsigned count)
{
	rig->shared.workers = rig->workers;
	rig->shared.worker_count = count;
	for (unsigned i = 0; i < count; i++)
		rig->workers[i] = worker_new(i, &rig->shared, &rig->conf);
}

static void worker_rig_close_tunnels(struct worker *w)
{
	struct tunnel *t;
	size_t at = 0;

	while ((t = map_next(&w->tunnels, &at)) != NULL) {
		tunnel_close(t);
		at = 0;
	}
}

void worker_rig_stop(struct worker_rig *rig)
{
	struct relay_shared *shared = &rig->shared;

	for (unsigned i = 0; i < shared->worker_count; i++) {
		agent_session_close_all(rig->workers[i]);
		worker_rig_close_tunnels(rig->workers[i]);
		worker_free(&rig->workers[i]);
	}
	plans_free(&rig->conf.plans);
	relay_shared_deinit(shared);
	book_free(&shared->book);
}
