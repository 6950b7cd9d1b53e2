/* The three signals that an operator sends, and those of a terminal for who shows himself there. */
#include "io/signals.h"

#include <signal.h>
#include <uv.h>

#include "base/attr.h"
#include "base/check.h"
#include "base/mem.h"
#include "io/loop.h"

static const int signals_numbers[] = {SIGINT, SIGTERM, SIGHUP};

struct signals {
	void (*on_signal)(void *ctx, int number);
	void *ctx; /* borrowed */
	size_t count;
	size_t open;
	uv_signal_t handles[];
};

static void signals_on_uv(uv_signal_t *handle, int number)
{
	struct signals *s = handle->data;

	s->on_signal(s->ctx, number);
}

struct signals *signals_new_for(struct loop *loop, const int *numbers, size_t count,
	void (*on_signal)(void *ctx, int number), void *ctx)
{
	struct signals *s = mem_zero(sizeof(*s) + count * sizeof(s->handles[0]));

	s->on_signal = on_signal;
	s->ctx = ctx;
	s->count = s->open = count;
	for (size_t i = 0; i < count; i++) {
		CHECK(uv_signal_init(loop_uv(loop), &s->handles[i]) == 0);
		s->handles[i].data = s;
		uv_signal_start(&s->handles[i], signals_on_uv, numbers[i]);
	}
	return s;
}

struct signals *signals_new(struct loop *loop, void (*on_signal)(void *ctx, int number), void *ctx)
{
	signal(SIGPIPE, SIG_IGN);
	return signals_new_for(loop, signals_numbers, ARRAY_LEN(signals_numbers), on_signal, ctx);
}

static void signals_on_close(uv_handle_t *handle)
{
	struct signals *s = handle->data;

	if (--s->open == 0)
		mem_free(s);
}

void signals_free(struct signals **signals)
{
	struct signals *s = *signals;

	if (!s)
		return;
	*signals = NULL;
	for (size_t i = 0; i < s->count; i++)
		uv_close((uv_handle_t *)&s->handles[i], signals_on_close);
}
