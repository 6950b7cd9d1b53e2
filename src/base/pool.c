/* A stack of spare objects: the one used last is the warmest in the cache. */
#include "base/pool.h"

#include <string.h>

#include "base/check.h"
#include "base/mem.h"

#if defined(__SANITIZE_ADDRESS__)
#define POOL_KEEPS 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define POOL_KEEPS 0
#endif
#endif
#ifndef POOL_KEEPS
#define POOL_KEEPS 1
#endif

void pool_init(struct pool *p, size_t size, unsigned max)
{
	CHECK(size >= sizeof(void *));
	*p = (struct pool) {.size = size, .max = POOL_KEEPS ? max : 0};
}

void pool_deinit(struct pool *p)
{
	while (p->spare) {
		void *next = *(void **)p->spare;

		mem_free(p->spare);
		p->spare = next;
	}
	p->count = 0;
}

void *pool_take_raw(struct pool *p)
{
	void *object = p->spare;

	if (!object)
		return mem_alloc(p->size);
	p->spare = *(void **)object;
	p->count--;
	return object;
}

void *pool_take(struct pool *p)
{
	return memset(pool_take_raw(p), 0, p->size);
}

void pool_put(struct pool *p, void *object)
{
	if (p->count >= p->max) {
		mem_free(object);
		return;
	}
	*(void **)object = p->spare;
	p->spare = object;
	p->count++;
}
