/* One entry for each holder, gone with the last thing it has: as many as there are tunnels. */
#include "relay/holdings.h"

#include <pthread.h>

#include "base/check.h"
#include "base/map.h"
#include "base/mem.h"
#include "crypto/rand.h"

struct holdings_holder {
	uint64_t counts[HOLDING_COUNT];
	size_t len;
	char text[];
};

struct holdings {
	pthread_mutex_t lock;
	struct map holders; /* owns struct holdings_holder */
};

struct holdings *holdings_new(void)
{
	struct holdings *h = MEM_NEW(struct holdings);
	uint64_t seed[2];

	rand_bytes(seed, sizeof(seed));
	CHECK(pthread_mutex_init(&h->lock, NULL) == 0);
	map_init(&h->holders, seed);
	return h;
}

void holdings_free(struct holdings **h_ptr)
{
	struct holdings *h = *h_ptr;

	if (!h)
		return;
	*h_ptr = NULL;
	CHECK(!h->holders.count);
	map_deinit(&h->holders);
	pthread_mutex_destroy(&h->lock);
	mem_free(h);
}

static struct holdings_holder *holdings_find(struct holdings *h, struct slice holder)
{
	struct holdings_holder *found = map_get(&h->holders, holder);

	if (found)
		return found;
	found = mem_zero(sizeof(*found) + holder.len);
	found->len = holder.len;
	memcpy(found->text, holder.ptr, holder.len);
	map_put(&h->holders, slice_of(found->text, found->len), found);
	return found;
}

static void holdings_forget(struct holdings *h, struct holdings_holder *holder)
{
	for (int i = 0; i < HOLDING_COUNT; i++) {
		if (holder->counts[i])
			return;
	}
	map_remove(&h->holders, slice_of(holder->text, holder->len));
	mem_free(holder);
}

bool holdings_take(struct holdings *h, struct slice holder, enum holding what, uint64_t limit)
{
	struct holdings_holder *found;
	bool may;

	pthread_mutex_lock(&h->lock);
	found = holdings_find(h, holder);
	may = found->counts[what] < limit;
	found->counts[what] += may;
	holdings_forget(h, found);
	pthread_mutex_unlock(&h->lock);
	return may;
}

uint64_t holdings_retake(struct holdings *h, struct slice holder, enum holding what)
{
	uint64_t count;

	pthread_mutex_lock(&h->lock);
	count = ++holdings_find(h, holder)->counts[what];
	pthread_mutex_unlock(&h->lock);
	return count;
}

bool holdings_put_surplus(
	struct holdings *h, struct slice holder, enum holding what, uint64_t limit)
{
	struct holdings_holder *found;
	bool surplus;

	pthread_mutex_lock(&h->lock);
	found = map_get(&h->holders, holder);
	CHECK(found && found->counts[what]);
	surplus = found->counts[what] > limit;
	found->counts[what] -= surplus;
	holdings_forget(h, found);
	pthread_mutex_unlock(&h->lock);
	return surplus;
}

void holdings_put(struct holdings *h, struct slice holder, enum holding what)
{
	CHECK(holdings_put_surplus(h, holder, what, 0));
}

uint64_t holdings_count(struct holdings *h, struct slice holder, enum holding what)
{
	struct holdings_holder *found;
	uint64_t count;

	pthread_mutex_lock(&h->lock);
	found = map_get(&h->holders, holder);
	count = found ? found->counts[what] : 0;
	pthread_mutex_unlock(&h->lock);
	return count;
}

size_t holdings_holders(struct holdings *h)
{
	size_t count;

	pthread_mutex_lock(&h->lock);
	count = h->holders.count;
	pthread_mutex_unlock(&h->lock);
	return count;
}
