/* A map for finding, and a list in the order of the last failure for forgetting. */
#include "relay/gate_sources.h"

#include <arpa/inet.h>

#include "base/attr.h"
#include "base/check.h"
#include "base/list.h"
#include "base/map.h"
#include "base/mem.h"
#include "crypto/rand.h"

#define GATE_SOURCE_NETWORK_LEN 8 /* bytes of an IPv6 address that count */

struct gate_source_entry {
	struct list node; /* who failed last stands last */
	struct gate_source source;
	uint64_t failed_ms[GATE_SOURCE_FAILURES]; /* the oldest in front */
	unsigned count;
};

struct gate_sources {
	struct map by_text; /* of gate_source_entry, owned */
	struct list order;
};

/* ---- what a source is ---- */

static void gate_source_set(struct gate_source *source, const void *text, size_t len)
{
	source->len = (uint8_t)(len < GATE_SOURCE_TEXT_MAX ? len : GATE_SOURCE_TEXT_MAX);
	memcpy(source->text, text, source->len);
}

struct gate_source gate_source_of(struct slice address)
{
	struct gate_source source = {0};
	char text[INET6_ADDRSTRLEN + 1];
	struct in6_addr six;
	struct in_addr four;
	struct slice bare = slice_first(address, slice_find(address, '%')); /* without its zone */

	if (!bare.len || bare.len >= sizeof(text)) {
		gate_source_set(&source, address.ptr, address.len);
		return source;
	}
	slice_to_str(bare, text, sizeof(text));
	if (inet_pton(AF_INET, text, &four) == 1)
		gate_source_set(&source, &four, sizeof(four));
	else if (inet_pton(AF_INET6, text, &six) != 1)
		gate_source_set(&source, address.ptr, address.len);
	else if (IN6_IS_ADDR_V4MAPPED(&six))
		gate_source_set(&source, &six.s6_addr[12], sizeof(four));
	else
		gate_source_set(&source, six.s6_addr, GATE_SOURCE_NETWORK_LEN);
	return source;
}

/* ---- the table ---- */

struct gate_sources *gate_sources_new(void)
{
	struct gate_sources *s = MEM_NEW(struct gate_sources);
	uint64_t seed[2];

	rand_bytes(seed, sizeof(seed));
	map_init(&s->by_text, seed);
	list_init(&s->order);
	return s;
}

static void gate_sources_drop(struct gate_sources *s, struct gate_source_entry *e)
{
	map_remove(&s->by_text, gate_source_slice(&e->source));
	list_remove(&e->node);
	mem_free(e);
}

static struct gate_source_entry *gate_sources_oldest(struct gate_sources *s)
{
	if (list_is_empty(&s->order))
		return NULL;
	return CONTAINER_OF(s->order.next, struct gate_source_entry, node);
}

void gate_sources_free(struct gate_sources **s_ptr)
{
	struct gate_sources *s = *s_ptr;
	struct gate_source_entry *e;

	if (!s)
		return;
	*s_ptr = NULL;
	while ((e = gate_sources_oldest(s)) != NULL)
		gate_sources_drop(s, e);
	map_deinit(&s->by_text);
	mem_free(s);
}

/* Forgets what is out of the window; NULL when nothing is left. */
static struct gate_source_entry *gate_sources_look(
	struct gate_sources *s, const struct gate_source *source, uint64_t now_ms)
{
	struct gate_source_entry *e = map_get(&s->by_text, gate_source_slice(source));
	unsigned over = 0;

	if (!e)
		return NULL;
	while (over < e->count && e->failed_ms[over] + GATE_SOURCE_WINDOW_MS <= now_ms)
		over++;
	e->count -= over;
	memmove(e->failed_ms, e->failed_ms + over, e->count * sizeof(e->failed_ms[0]));
	if (e->count)
		return e;
	gate_sources_drop(s, e);
	return NULL;
}

unsigned gate_sources_failures(
	struct gate_sources *s, const struct gate_source *source, uint64_t now_ms)
{
	struct gate_source_entry *e = gate_sources_look(s, source, now_ms);

	return e ? e->count : 0;
}

uint64_t gate_sources_blocked_ms(
	struct gate_sources *s, const struct gate_source *source, uint64_t now_ms)
{
	struct gate_source_entry *e = gate_sources_look(s, source, now_ms);

	if (!e || e->count < GATE_SOURCE_FAILURES)
		return 0;
	return e->failed_ms[0] + GATE_SOURCE_WINDOW_MS - now_ms;
}

void gate_sources_fail(struct gate_sources *s, const struct gate_source *source, uint64_t now_ms)
{
	struct gate_source_entry *e = gate_sources_look(s, source, now_ms);

	if (!e) {
		if (s->by_text.count >= GATE_SOURCES_MAX)
			gate_sources_drop(s, gate_sources_oldest(s));
		e = MEM_NEW(struct gate_source_entry);
		e->source = *source;
		list_init(&e->node);
		map_put(&s->by_text, gate_source_slice(&e->source), e);
	}
	if (e->count == GATE_SOURCE_FAILURES)
		memmove(e->failed_ms, e->failed_ms + 1, --e->count * sizeof(e->failed_ms[0]));
	e->failed_ms[e->count++] = now_ms;
	list_remove(&e->node);
	list_append(&s->order, &e->node);
}

void gate_sources_forget(struct gate_sources *s, const struct gate_source *source)
{
	struct gate_source_entry *e = map_get(&s->by_text, gate_source_slice(source));

	if (e)
		gate_sources_drop(s, e);
}

size_t gate_sources_count(const struct gate_sources *s)
{
	return s->by_text.count;
}
