/*
 * How long to wait before the next attempt: soon at first, then twice as long each time, with a
 * random part so that the agents of a relay that comes back do not all come at once. While nobody
 * is there at all, an attempt is a packet that costs nobody anything: then a short wait goes on for
 * some minutes, and grows with the time that the other side is away. Pure: time and chance are
 * handed in. It never gives up.
 */
#ifndef AGENT_BACKOFF_H
#define AGENT_BACKOFF_H

#include <stdbool.h>
#include <stdint.h>

#define BACKOFF_FIRST_MS 500u /* the first wait is less than this */
#define BACKOFF_STEP_MS 1000u /* the second one, and then twice as long each time */
#define BACKOFF_LONGEST_MS 30000u
/* While nobody is there: at most so long, or this part of the time that nobody has been. */
#define BACKOFF_AWAY_MS 2000u
#define BACKOFF_AWAY_PART 90u
#define BACKOFF_HEALTHY_MS 30000u /* what held for so long begins anew */
#define BACKOFF_RETRY_AFTER_MAX_MS 600000u /* a relay may not send us away for longer */

/* Every value from 0 to bound - 1 is equally likely. */
typedef uint32_t (*backoff_random_fn)(void *ctx, uint32_t bound);

struct backoff {
	backoff_random_fn random;
	void *ctx; /* borrowed */
	unsigned failures; /* in a row; of those that found nobody, only the first */
	uint64_t away_since;
	bool is_away; /* the last attempts found nobody */
	uint64_t up_at;
	bool is_up;
	bool hurry;
};

/* How an attempt, or what was up, has ended. */
struct backoff_end {
	uint64_t now_ms;
	uint64_t retry_after_ms; /* what the other side asked for; 0: nothing */
	uint64_t cap_ms; /* the wait is hardly longer, unless it was asked for; 0: no cap */
	bool nobody; /* nobody was there who could be burdened */
};

void backoff_init(struct backoff *b, backoff_random_fn random, void *ctx);
/* Milliseconds until the next attempt; each call counts as a failure. */
uint64_t backoff_next(struct backoff *b, const struct backoff_end *end);
/* The attempt succeeded. */
void backoff_up(struct backoff *b, uint64_t now_ms);
/* What was up is gone. What did not hold long goes on where the waits had begun to double, not
 * where they had got to: it did work. */
void backoff_down(struct backoff *b, uint64_t now_ms);
/* The world has changed (another address, awake again): the next attempt is made at once, and the
 * waits begin anew. */
void backoff_hurry(struct backoff *b);

#endif
