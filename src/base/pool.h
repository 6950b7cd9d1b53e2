/*
 * Objects of one size that come and go by the thousand a second: what is given back is kept for
 * the next one, up to a bound. For one thread. Under AddressSanitizer nothing is kept, so that it
 * sees every use after the end.
 */
#ifndef BASE_POOL_H
#define BASE_POOL_H

#include <stddef.h>

struct pool {
	void *spare; /* owned; a chain through their first bytes */
	size_t size;
	unsigned count;
	unsigned max;
};

/* The size is at least that of a pointer. */
void pool_init(struct pool *p, size_t size, unsigned max);
void pool_deinit(struct pool *p);
/* Zeroed, as from MEM_NEW. */
void *pool_take(struct pool *p);
/* With whatever the last one left in it. */
void *pool_take_raw(struct pool *p);
/* Takes back what pool_take gave. */
void pool_put(struct pool *p, void *object);

#endif
