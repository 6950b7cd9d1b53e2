/* The table is locked to find a row and to take what was counted, never to count. */
#include "relay/usages.h"

#include <pthread.h>
#include <string.h>
#include <time.h>

#include "base/check.h"
#include "base/map.h"
#include "base/mem.h"
#include "crypto/rand.h"
#include "store/record.h"

struct usages {
	pthread_mutex_t lock;
	struct map rows; /* id, as its bytes -> struct usages_row, owned */
	char month[USAGES_MONTH_SIZE];
};

static void usages_month_of(uint64_t now_ms, char out[USAGES_MONTH_SIZE])
{
	time_t seconds = (time_t)(now_ms / 1000);
	struct tm tm;

	CHECK(gmtime_r(&seconds, &tm));
	CHECK(strftime(out, USAGES_MONTH_SIZE, "%Y-%m", &tm) > 0);
}

uint64_t usages_month_left_s(uint64_t now_ms)
{
	time_t seconds = (time_t)(now_ms / 1000), end;
	struct tm tm;

	CHECK(gmtime_r(&seconds, &tm));
	tm = (struct tm) {.tm_year = tm.tm_year, .tm_mon = tm.tm_mon + 1, .tm_mday = 1};
	end = timegm(&tm);
	return end > seconds ? (uint64_t)(end - seconds) : 1;
}

struct usages *usages_new(uint64_t now_ms)
{
	struct usages *u = MEM_NEW(struct usages);
	uint64_t seed[2];

	rand_bytes(seed, sizeof(seed));
	CHECK(pthread_mutex_init(&u->lock, NULL) == 0);
	map_init(&u->rows, seed);
	usages_month_of(now_ms, u->month);
	return u;
}

void usages_free(struct usages **u_ptr)
{
	struct usages *u = *u_ptr;
	struct usages_row *row;
	size_t at = 0;

	if (!u)
		return;
	*u_ptr = NULL;
	while ((row = map_next(&u->rows, &at)) != NULL)
		mem_free(row);
	map_deinit(&u->rows);
	pthread_mutex_destroy(&u->lock);
	mem_free(u);
}

static struct usages_row *usages_find(struct usages *u, uint64_t account_id)
{
	struct usages_row *row = map_get(&u->rows, slice_of(&account_id, sizeof(account_id)));

	if (row)
		return row;
	row = MEM_NEW(struct usages_row);
	row->account_id = account_id;
	map_put(&u->rows, slice_of(&row->account_id, sizeof(row->account_id)), row);
	return row;
}

struct usages_row *usages_get(struct usages *u, uint64_t account_id)
{
	struct usages_row *row;

	CHECK(pthread_mutex_lock(&u->lock) == 0);
	row = usages_find(u, account_id);
	CHECK(pthread_mutex_unlock(&u->lock) == 0);
	return row;
}

void usages_load(struct usages *u, const struct usage *stored)
{
	CHECK(pthread_mutex_lock(&u->lock) == 0);
	if (strcmp(stored->month, u->month) == 0)
		atomic_fetch_add(&usages_find(u, stored->account_id)->month_bytes,
			stored->bytes_in + stored->bytes_out);
	CHECK(pthread_mutex_unlock(&u->lock) == 0);
}

static bool usages_take_row(struct usages_row *row, const char *month, struct usage *out)
{
	*out = (struct usage) {
		.account_id = row->account_id,
		.bytes_in = atomic_exchange(&row->bytes_in, 0),
		.bytes_out = atomic_exchange(&row->bytes_out, 0),
		.requests = atomic_exchange(&row->requests, 0),
	};
	slice_to_str(slice_from_str(month), out->month, sizeof(out->month));
	return out->bytes_in || out->bytes_out || out->requests;
}

size_t usages_take(struct usages *u, uint64_t now_ms, struct usage **list_out)
{
	char month[USAGES_MONTH_SIZE];
	struct usages_row *row;
	size_t at = 0, count = 0;
	bool is_over;

	usages_month_of(now_ms, month);
	CHECK(pthread_mutex_lock(&u->lock) == 0);
	is_over = strcmp(month, u->month) != 0;
	*list_out = mem_alloc((u->rows.count + 1) * sizeof(**list_out));
	while ((row = map_next(&u->rows, &at)) != NULL) {
		count += usages_take_row(row, u->month, &(*list_out)[count]);
		if (is_over)
			atomic_store(&row->month_bytes, 0);
	}
	memcpy(u->month, month, sizeof(u->month));
	CHECK(pthread_mutex_unlock(&u->lock) == 0);
	return count;
}

void usages_put_back(struct usages *u, const struct usage *list, size_t count)
{
	CHECK(pthread_mutex_lock(&u->lock) == 0);
	for (size_t i = 0; i < count; i++) {
		struct usages_row *row = usages_find(u, list[i].account_id);

		atomic_fetch_add(&row->bytes_in, list[i].bytes_in);
		atomic_fetch_add(&row->bytes_out, list[i].bytes_out);
		atomic_fetch_add(&row->requests, list[i].requests);
	}
	CHECK(pthread_mutex_unlock(&u->lock) == 0);
}
