/*
 * What the tunnels of each account have carried, counted by all workers without a lock: a tunnel
 * keeps the pointer to its account's row. The store gets what came since the last time; what the
 * running month has in all is known here, because quotas ask for it with every request.
 */
#ifndef RELAY_USAGES_H
#define RELAY_USAGES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define USAGES_MONTH_SIZE 8u /* "2026-11" and its NUL */

struct usage;
struct usages;

/* Of one account; 0 is that of tunnels without one. */
struct usages_row {
	uint64_t account_id;
	/* not handed to the store yet */
	_Atomic uint64_t bytes_in;
	_Atomic uint64_t bytes_out;
	_Atomic uint64_t requests;
	_Atomic uint64_t month_bytes; /* both directions, of the running month */
};

/* The time is that of the system's clock. */
struct usages *usages_new(uint64_t now_ms);
void usages_free(struct usages **u);
/* Lives as long as the usages. On any thread, as all of this. */
struct usages_row *usages_get(struct usages *u, uint64_t account_id);
/* What the store has: counts for the running month, or not at all. */
void usages_load(struct usages *u, const struct usage *stored);

static inline void usages_count(struct usages_row *row, uint64_t in, uint64_t out)
{
	if (in)
		atomic_fetch_add_explicit(&row->bytes_in, in, memory_order_relaxed);
	if (out)
		atomic_fetch_add_explicit(&row->bytes_out, out, memory_order_relaxed);
	atomic_fetch_add_explicit(&row->month_bytes, in + out, memory_order_relaxed);
}

static inline void usages_count_request(struct usages_row *row)
{
	atomic_fetch_add_explicit(&row->requests, 1, memory_order_relaxed);
}

static inline uint64_t usages_of_month(const struct usages_row *row)
{
	return atomic_load_explicit(&row->month_bytes, memory_order_relaxed);
}

/* Until the month is over: at least 1. */
uint64_t usages_month_left_s(uint64_t now_ms);

/*
 * Takes what was counted, one entry for each account that has anything; returns how many, and the
 * list, which is the caller's. A month that ended is taken under its own name.
 */
size_t usages_take(struct usages *u, uint64_t now_ms, struct usage **list_out);
/* The store did not take it. */
void usages_put_back(struct usages *u, const struct usage *list, size_t count);

#endif
