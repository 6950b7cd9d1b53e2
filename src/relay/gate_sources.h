/*
 * Who has guessed wrong at a tunnel's password of late (S111): so many failures of one source in
 * a window that slides, and it has to wait. A source is an address, of IPv6 the network of 64
 * bits, which is what one customer gets. Bounded: with too many sources the one that has been
 * quiet the longest is forgotten. Pure.
 */
#ifndef RELAY_GATE_SOURCES_H
#define RELAY_GATE_SOURCES_H

#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

#define GATE_SOURCE_FAILURES 5u
#define GATE_SOURCE_WINDOW_MS 60000u
#define GATE_SOURCES_MAX 1024u /* of one tunnel */
#define GATE_SOURCE_TEXT_MAX 64u

/* A source as a key. */
struct gate_source {
	uint8_t len;
	char text[GATE_SOURCE_TEXT_MAX];
};

struct gate_sources;

/* Text that is no address, as a proxy may report it, counts as it is. */
struct gate_source gate_source_of(struct slice address);
static inline struct slice gate_source_slice(const struct gate_source *source)
{
	return slice_of(source->text, source->len);
}

struct gate_sources *gate_sources_new(void);
void gate_sources_free(struct gate_sources **s);
/* How many failures it has in the window, at most GATE_SOURCE_FAILURES. */
unsigned gate_sources_failures(
	struct gate_sources *s, const struct gate_source *source, uint64_t now_ms);
/* How long until it may try again; 0: now. */
uint64_t gate_sources_blocked_ms(
	struct gate_sources *s, const struct gate_source *source, uint64_t now_ms);
void gate_sources_fail(struct gate_sources *s, const struct gate_source *source, uint64_t now_ms);
/* It knew the password. */
void gate_sources_forget(struct gate_sources *s, const struct gate_source *source);
size_t gate_sources_count(const struct gate_sources *s);

#endif
