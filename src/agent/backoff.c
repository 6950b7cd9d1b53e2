/*
 * Waits: less than BACKOFF_FIRST_MS, then BACKOFF_STEP_MS doubled with each failure up to
 * BACKOFF_LONGEST_MS, a quarter more or less. While nobody is there, between a half and the whole
 * of BACKOFF_AWAY_MS or what has become of it.
 */
#include "agent/backoff.h"

#include <limits.h>

#include "base/check.h"

void backoff_init(struct backoff *b, backoff_random_fn random, void *ctx)
{
	CHECK(random);
	*b = (struct backoff) {.random = random, .ctx = ctx};
}

static uint64_t backoff_doubled(unsigned failures)
{
	uint64_t wait = BACKOFF_STEP_MS;

	for (unsigned i = 1; i < failures && wait < BACKOFF_LONGEST_MS; i++)
		wait *= 2;
	return wait < BACKOFF_LONGEST_MS ? wait : BACKOFF_LONGEST_MS;
}

/* The first of these waits has any length: whoever lost the same relay at the same moment is spread
 * by it, and stays so. */
static uint64_t backoff_wait_away(struct backoff *b, const struct backoff_end *end)
{
	bool is_first = !b->is_away;
	uint64_t longest;

	if (is_first) {
		b->is_away = true;
		b->away_since = end->now_ms;
	}
	longest = (end->now_ms - b->away_since) / BACKOFF_AWAY_PART;
	if (longest < BACKOFF_AWAY_MS)
		longest = BACKOFF_AWAY_MS;
	if (longest > BACKOFF_LONGEST_MS)
		longest = BACKOFF_LONGEST_MS;
	if (end->cap_ms && longest > end->cap_ms)
		longest = end->cap_ms;
	if (is_first)
		return b->random(b->ctx, (uint32_t)longest);
	return longest - longest / 2 + b->random(b->ctx, (uint32_t)(longest / 2 + 1));
}

static uint64_t backoff_wait_doubled(struct backoff *b, uint64_t cap_ms)
{
	uint64_t wait = backoff_doubled(b->failures);

	if (cap_ms && wait > cap_ms)
		wait = cap_ms;
	return wait - wait / 4 + b->random(b->ctx, (uint32_t)(wait / 2 + 1));
}

static uint64_t backoff_wait(struct backoff *b, const struct backoff_end *end)
{
	uint64_t wait;

	if (end->nobody && b->failures)
		return backoff_wait_away(b, end);
	b->is_away = false;
	wait = b->failures ? backoff_wait_doubled(b, end->cap_ms)
			   : b->random(b->ctx, BACKOFF_FIRST_MS);
	if (b->failures < UINT_MAX)
		b->failures++;
	return wait;
}

uint64_t backoff_next(struct backoff *b, const struct backoff_end *end)
{
	uint64_t asked_ms = end->retry_after_ms, wait;

	if (b->hurry) {
		b->hurry = false;
		return 0;
	}
	if (asked_ms > BACKOFF_RETRY_AFTER_MAX_MS)
		asked_ms = BACKOFF_RETRY_AFTER_MAX_MS;
	wait = backoff_wait(b, end);
	/* On top of what was asked for: everybody else was told the same. */
	return asked_ms ? asked_ms + wait % BACKOFF_STEP_MS : wait;
}

void backoff_up(struct backoff *b, uint64_t now_ms)
{
	b->is_up = true;
	b->up_at = now_ms;
	b->hurry = false;
}

void backoff_down(struct backoff *b, uint64_t now_ms)
{
	if (!b->is_up)
		return;
	b->is_up = b->is_away = false;
	if (now_ms - b->up_at >= BACKOFF_HEALTHY_MS)
		b->failures = 0;
	else if (b->failures > 1)
		b->failures = 1;
}

void backoff_hurry(struct backoff *b)
{
	b->hurry = true;
	b->is_away = false;
	b->failures = 0;
}
