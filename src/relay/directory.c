/*
 * Two keyed maps under one mutex. Workers ask here only when a name is not their own, once per
 * visitor connection, so the lock is no part of the path of a request.
 */
#include "relay/directory.h"

#include <pthread.h>

#include "base/check.h"
#include "base/list.h"
#include "base/map.h"
#include "base/mem.h"
#include "crypto/rand.h"

#define DIRECTORY_PORTS_MAX 16384u

struct directory_name {
	unsigned home;
	bool idle;
	bool is_passed; /* to its home, which has not claimed it yet */
	bool has_arrived; /* and may do so now */
	size_t len;
	char text[];
};

struct directory_port {
	struct list node; /* in the order they were remembered */
	uint16_t port;
	size_t len;
	char text[];
};

struct directory {
	pthread_mutex_t lock;
	unsigned max_names;
	struct map names; /* owns struct directory_name */
	struct map ports; /* owns struct directory_port */
	struct list port_order;
};

struct directory *directory_new(unsigned max_names)
{
	struct directory *d = MEM_NEW(struct directory);
	uint64_t seed[2];

	rand_bytes(seed, sizeof(seed));
	CHECK(pthread_mutex_init(&d->lock, NULL) == 0);
	d->max_names = max_names;
	map_init(&d->names, seed);
	map_init(&d->ports, seed);
	list_init(&d->port_order);
	return d;
}

void directory_free(struct directory **d_ptr)
{
	struct directory *d = *d_ptr;
	size_t at = 0;
	void *entry;

	if (!d)
		return;
	*d_ptr = NULL;
	while ((entry = map_next(&d->names, &at)) != NULL)
		mem_free(entry);
	at = 0;
	while ((entry = map_next(&d->ports, &at)) != NULL)
		mem_free(entry);
	map_deinit(&d->names);
	map_deinit(&d->ports);
	pthread_mutex_destroy(&d->lock);
	mem_free(d);
}

static void directory_add(struct directory *d, struct slice name, unsigned home)
{
	struct directory_name *n = mem_alloc(sizeof(*n) + name.len);

	n->home = home;
	n->idle = n->is_passed = n->has_arrived = false;
	n->len = name.len;
	memcpy(n->text, name.ptr, name.len);
	map_put(&d->names, slice_of(n->text, n->len), n);
}

static bool directory_has_no_room(const struct directory *d)
{
	return d->max_names && d->names.count >= d->max_names;
}

enum directory_claim directory_claim(
	struct directory *d, struct slice name, unsigned home, unsigned *home_out)
{
	enum directory_claim result = DIRECTORY_CLAIMED;
	struct directory_name *held;

	pthread_mutex_lock(&d->lock);
	held = map_get(&d->names, name);
	if (held && held->has_arrived && held->home == home) {
		held->is_passed = held->has_arrived = false;
	} else if (held) {
		*home_out = held->home;
		result = DIRECTORY_HELD;
	} else if (directory_has_no_room(d)) {
		result = DIRECTORY_FULL;
	} else {
		directory_add(d, name, home);
	}
	pthread_mutex_unlock(&d->lock);
	return result;
}

bool directory_find(struct directory *d, struct slice name, unsigned *home_out)
{
	struct directory_name *held;

	pthread_mutex_lock(&d->lock);
	held = map_get(&d->names, name);
	if (held)
		*home_out = held->home;
	pthread_mutex_unlock(&d->lock);
	return held;
}

void directory_set_idle(struct directory *d, struct slice name, bool idle)
{
	struct directory_name *held;

	pthread_mutex_lock(&d->lock);
	held = map_get(&d->names, name);
	CHECK(held);
	held->idle = idle;
	pthread_mutex_unlock(&d->lock);
}

bool directory_is_idle(struct directory *d, struct slice name)
{
	struct directory_name *held;
	bool idle;

	pthread_mutex_lock(&d->lock);
	held = map_get(&d->names, name);
	idle = !held || held->idle || held->has_arrived;
	pthread_mutex_unlock(&d->lock);
	return idle;
}

void directory_set_max(struct directory *d, unsigned max_names)
{
	pthread_mutex_lock(&d->lock);
	d->max_names = max_names;
	pthread_mutex_unlock(&d->lock);
}

static void directory_forget_port(struct directory *d, struct directory_port *p)
{
	map_remove(&d->ports, slice_of(p->text, p->len));
	list_remove(&p->node);
	mem_free(p);
}

static void directory_remember_port(struct directory *d, struct slice name, uint16_t port)
{
	struct directory_port *p = map_get(&d->ports, name);

	if (p)
		directory_forget_port(d, p);
	else if (d->ports.count >= DIRECTORY_PORTS_MAX)
		directory_forget_port(
			d, CONTAINER_OF(d->port_order.next, struct directory_port, node));
	p = mem_alloc(sizeof(*p) + name.len);
	p->port = port;
	p->len = name.len;
	memcpy(p->text, name.ptr, name.len);
	list_init(&p->node);
	list_append(&d->port_order, &p->node);
	map_put(&d->ports, slice_of(p->text, p->len), p);
}

void directory_release(struct directory *d, struct slice name, uint16_t last_port)
{
	struct directory_name *held;

	pthread_mutex_lock(&d->lock);
	held = map_remove(&d->names, name);
	CHECK(held);
	if (last_port)
		directory_remember_port(d, name, last_port);
	pthread_mutex_unlock(&d->lock);
	mem_free(held);
}

void directory_pass(struct directory *d, struct slice name, unsigned heir, uint16_t last_port)
{
	struct directory_name *held;

	pthread_mutex_lock(&d->lock);
	held = map_get(&d->names, name);
	CHECK(held);
	held->home = heir;
	held->idle = false;
	held->is_passed = true;
	if (last_port)
		directory_remember_port(d, name, last_port);
	pthread_mutex_unlock(&d->lock);
}

void directory_arrive(struct directory *d, struct slice name, unsigned heir)
{
	struct directory_name *held;

	pthread_mutex_lock(&d->lock);
	held = map_get(&d->names, name);
	if (held && held->is_passed && held->home == heir)
		held->has_arrived = true;
	pthread_mutex_unlock(&d->lock);
}

void directory_give_up(struct directory *d, struct slice name, unsigned heir)
{
	struct directory_name *held;

	pthread_mutex_lock(&d->lock);
	held = map_get(&d->names, name);
	if (held && held->is_passed && held->home == heir)
		map_remove(&d->names, name);
	else
		held = NULL;
	pthread_mutex_unlock(&d->lock);
	mem_free(held);
}

uint16_t directory_last_port(struct directory *d, struct slice name)
{
	struct directory_port *p;
	uint16_t port;

	pthread_mutex_lock(&d->lock);
	p = map_get(&d->ports, name);
	port = p ? p->port : 0;
	pthread_mutex_unlock(&d->lock);
	return port;
}

void directory_remember(struct directory *d, struct slice name, uint16_t port)
{
	pthread_mutex_lock(&d->lock);
	directory_remember_port(d, name, port);
	pthread_mutex_unlock(&d->lock);
}

size_t directory_count(struct directory *d)
{
	size_t count;

	pthread_mutex_lock(&d->lock);
	count = d->names.count;
	pthread_mutex_unlock(&d->lock);
	return count;
}

bool directory_is_full(struct directory *d)
{
	bool full;

	pthread_mutex_lock(&d->lock);
	full = directory_has_no_room(d);
	pthread_mutex_unlock(&d->lock);
	return full;
}
