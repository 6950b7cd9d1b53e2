/* A log limit under a mutex, keyed so that no peer can choose collisions. */
#include "relay/refusals.h"

#include <pthread.h>

#include "base/check.h"
#include "base/log_limit.h"
#include "base/map.h"
#include "base/mem.h"
#include "crypto/rand.h"

struct refusals {
	pthread_mutex_t lock;
	uint64_t seed[2];
	struct log_limit limit;
};

struct refusals *refusals_new(void)
{
	struct refusals *r = MEM_NEW(struct refusals);

	CHECK(pthread_mutex_init(&r->lock, NULL) == 0);
	rand_bytes(r->seed, sizeof(r->seed));
	log_limit_init(&r->limit);
	return r;
}

void refusals_free(struct refusals **r)
{
	if (!*r)
		return;
	pthread_mutex_destroy(&(*r)->lock);
	mem_free(*r);
	*r = NULL;
}

bool refusals_due(
	struct refusals *r, struct slice source, uint64_t now_ms, uint64_t *suppressed_out)
{
	bool due;

	pthread_mutex_lock(&r->lock);
	due = log_limit_allow(&r->limit, map_hash(r->seed, source), now_ms);
	*suppressed_out = r->limit.suppressed;
	pthread_mutex_unlock(&r->lock);
	return due;
}
