/*
 * Two clocks and an alarm. Sleep shows as a difference between the clocks; a process that was
 * stopped, or a machine that was paused from outside, shows as an alarm that rings much too late.
 */
#include "io/sleepwatch.h"

#include <time.h>

#include "base/mem.h"
#include "io/alarm.h"
#include "io/loop.h"
#include "io/sleepwatch_linux.h"

struct sleepwatch {
	struct alarm alarm;
	struct loop *loop; /* borrowed */
	const struct sleepwatch_clocks *clocks; /* borrowed */
	void (*woke)(void *ctx, uint64_t away_ms);
	void *ctx; /* borrowed */
	uint64_t with_sleep, without_sleep; /* at the last look */
};

static uint64_t sleepwatch_clock(clockid_t clock)
{
	struct timespec t = {0};

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static uint64_t sleepwatch_boottime(void *ctx)
{
	return sleepwatch_clock(SLEEPWATCH_LINUX_CLOCK);
}

static uint64_t sleepwatch_monotonic(void *ctx)
{
	return sleepwatch_clock(CLOCK_MONOTONIC);
}

static const struct sleepwatch_clocks sleepwatch_system = {
	.with_sleep = sleepwatch_boottime,
	.without_sleep = sleepwatch_monotonic,
};

uint64_t sleepwatch_judge(uint64_t with_sleep_ms, uint64_t without_sleep_ms)
{
	uint64_t slept = with_sleep_ms > without_sleep_ms ? with_sleep_ms - without_sleep_ms : 0;

	if (slept <= SLEEPWATCH_SLEPT_MS &&
		without_sleep_ms <= SLEEPWATCH_EVERY_MS + SLEEPWATCH_LATE_MS)
		return 0;
	return with_sleep_ms > without_sleep_ms ? with_sleep_ms : without_sleep_ms;
}

static void sleepwatch_look_later(struct sleepwatch *s)
{
	alarm_set(loop_alarms(s->loop), &s->alarm, loop_now(s->loop) + SLEEPWATCH_EVERY_MS);
}

static void sleepwatch_on_alarm(struct alarm *alarm)
{
	struct sleepwatch *s = CONTAINER_OF(alarm, struct sleepwatch, alarm);
	uint64_t with_sleep = s->clocks->with_sleep(s->ctx);
	uint64_t without_sleep = s->clocks->without_sleep(s->ctx);
	uint64_t away =
		sleepwatch_judge(with_sleep - s->with_sleep, without_sleep - s->without_sleep);

	s->with_sleep = with_sleep;
	s->without_sleep = without_sleep;
	sleepwatch_look_later(s);
	if (away)
		s->woke(s->ctx, away);
}

struct sleepwatch *sleepwatch_new(struct loop *loop, const struct sleepwatch_clocks *clocks,
	void (*woke)(void *ctx, uint64_t away_ms), void *ctx)
{
	struct sleepwatch *s = MEM_NEW(struct sleepwatch);

	s->clocks = clocks ? clocks : &sleepwatch_system;
	s->woke = woke;
	s->ctx = ctx;
	s->with_sleep = s->clocks->with_sleep(ctx);
	s->without_sleep = s->clocks->without_sleep(ctx);
	s->loop = loop;
	alarm_init(&s->alarm, sleepwatch_on_alarm);
	sleepwatch_look_later(s);
	return s;
}

void sleepwatch_free(struct sleepwatch **s_ptr)
{
	struct sleepwatch *s = *s_ptr;

	if (!s)
		return;
	*s_ptr = NULL;
	alarm_clear(&s->alarm);
	mem_free(s);
}
