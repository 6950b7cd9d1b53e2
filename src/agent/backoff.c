/*
 * Waits: less than BACKOFF_FIRST_MS, then BACKOFF_STEP_MS doubled with each failure up to
 * BACKOFF_LONGEST_MS, a quarter more or less.
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

static uint64_t backoff_wait(struct backoff *b, uint64_t cap_ms)
{
	uint64_t wait;

	if (b->failures == 0)
		return b->random(b->ctx, BACKOFF_FIRST_MS);
	wait = backoff_doubled(b->failures);
	if (cap_ms && wait > cap_ms)
		wait = cap_ms;
	return wait - wait / 4 + b->random(b->ctx, (uint32_t)(wait / 2 + 1));
}

uint64_t backoff_next(struct backoff *b, uint64_t retry_after_ms, uint64_t cap_ms)
{
	uint64_t wait;

	if (b->hurry) {
		b->hurry = false;
		return 0;
	}
	if (retry_after_ms > BACKOFF_RETRY_AFTER_MAX_MS)
		retry_after_ms = BACKOFF_RETRY_AFTER_MAX_MS;
	wait = backoff_wait(b, cap_ms);
	if (b->failures < UINT_MAX)
		b->failures++;
	/* On top of what was asked for: everybody else was told the same. */
	return retry_after_ms ? retry_after_ms + wait % BACKOFF_STEP_MS : wait;
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
	b->is_up = false;
	if (now_ms - b->up_at >= BACKOFF_HEALTHY_MS)
		b->failures = 0;
	else if (b->failures > 1)
		b->failures = 1;
}

void backoff_hurry(struct backoff *b)
{
	b->hurry = true;
	b->failures = 0;
}
