/* The three signals that an operator sends. */
#include "io/signals.h"

#include <signal.h>
#include <uv.h>

#include "base/attr.h"
#include "base/check.h"
#include "base/mem.h"
#include "io/loop.h"

static const int signals_numbers[] = {SIGINT, SIGTERM, SIGHUP};

struct signals {
	uv_signal_t handles[ARRAY_LEN(signals_numbers)];
	void (*on_signal)(void *ctx, int number);
	void *ctx; /* borrowed */
	unsigned open;
};

static void signals_on_uv(uv_signal_t *handle, int number)
{
	struct signals *s = handle->data;

	s->on_signal(s->ctx, number);
}

struct signals *signals_new(struct loop *loop, void (*on_signal)(void *ctx, int number), void *ctx)
{
	struct signals *s = MEM_NEW(struct signals);

	s->on_signal = on_signal;
	s->ctx = ctx;
	s->open = ARRAY_LEN(signals_numbers);
	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < ARRAY_LEN(signals_numbers); i++) {
		CHECK(uv_signal_init(loop_uv(loop), &s->handles[i]) == 0);
		s->handles[i].data = s;
		uv_signal_start(&s->handles[i], signals_on_uv, signals_numbers[i]);
	}
	return s;
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
	for (size_t i = 0; i < ARRAY_LEN(signals_numbers); i++)
		uv_close((uv_handle_t *)&s->handles[i], signals_on_close);
}
