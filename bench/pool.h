/*
 * The far end of localtunnel tunnels without a client in the way: asks a relay for tunnels by
 * name, keeps a number of sockets open to the port of each, and lets an origin answer on them.
 */
#ifndef BENCH_POOL_H
#define BENCH_POOL_H

#include <stdbool.h>

struct origin;
struct pool;

/* relay is "127.0.0.1:port"; sockets are held open per tunnel. NULL: relay makes no sense. */
struct pool *pool_new(const char *relay, unsigned sockets);

/* Asks the relay for the name and dials. 0, or -1 after a line on stderr. */
int pool_open(struct pool *self, struct origin *origin, const char *name);

/* The origin_closed_fn of an origin whose sockets come from a pool. */
void pool_on_closed(void *owner, bool served);

/* Dials again what was closed. Returns the milliseconds until it must be called; -1: never. */
int pool_refill(struct pool *self, struct origin *origin);

#endif
