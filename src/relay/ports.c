/* A ring of free port numbers under a mutex. */
#include "relay/ports.h"

#include <pthread.h>

#include "base/check.h"
#include "base/mem.h"

struct ports {
	pthread_mutex_t lock;
	unsigned size;
	unsigned head;
	unsigned count;
	uint16_t free[];
};

struct ports *ports_new(uint16_t first, uint16_t last)
{
	unsigned size = (unsigned)(last - first) + 1;
	struct ports *p = mem_zero(sizeof(*p) + size * sizeof(p->free[0]));

	CHECK(first && first <= last);
	CHECK(pthread_mutex_init(&p->lock, NULL) == 0);
	p->size = p->count = size;
	for (unsigned i = 0; i < size; i++)
		p->free[i] = (uint16_t)(first + i);
	return p;
}

void ports_free(struct ports **p)
{
	if (!*p)
		return;
	pthread_mutex_destroy(&(*p)->lock);
	mem_free(*p);
	*p = NULL;
}

static uint16_t *ports_at(struct ports *p, unsigned i)
{
	return &p->free[(p->head + i) % p->size];
}

uint16_t ports_take(struct ports *p, uint16_t preferred)
{
	uint16_t port = 0;
	unsigned at = 0;

	pthread_mutex_lock(&p->lock);
	for (unsigned i = 0; preferred && i < p->count; i++) {
		if (*ports_at(p, i) == preferred) {
			at = i;
			break;
		}
	}
	if (p->count) {
		port = *ports_at(p, at);
		for (; at > 0; at--)
			*ports_at(p, at) = *ports_at(p, at - 1);
		p->head = (p->head + 1) % p->size;
		p->count--;
	}
	pthread_mutex_unlock(&p->lock);
	return port;
}

void ports_put(struct ports *p, uint16_t port)
{
	pthread_mutex_lock(&p->lock);
	CHECK(p->count < p->size);
	*ports_at(p, p->count) = port;
	p->count++;
	pthread_mutex_unlock(&p->lock);
}

void ports_skip(struct ports *p, unsigned count)
{
	pthread_mutex_lock(&p->lock);
	for (; p->count && count; count--) {
		uint16_t port = *ports_at(p, 0);

		p->head = (p->head + 1) % p->size;
		*ports_at(p, p->count - 1) = port;
	}
	pthread_mutex_unlock(&p->lock);
}

unsigned ports_free_count(struct ports *p)
{
	unsigned count;

	pthread_mutex_lock(&p->lock);
	count = p->count;
	pthread_mutex_unlock(&p->lock);
	return count;
}
