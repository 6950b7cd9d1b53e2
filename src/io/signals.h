/* Signals as events of a loop. */
#ifndef IO_SIGNALS_H
#define IO_SIGNALS_H

#include <stddef.h>

struct loop;
struct signals;

/* SIGINT, SIGTERM and SIGHUP go to the callback, on the loop's thread. SIGPIPE is ignored. */
struct signals *signals_new(struct loop *loop, void (*on_signal)(void *ctx, int number), void *ctx);
/* The same for the signals that are named; may live beside others. */
struct signals *signals_new_for(struct loop *loop, const int *numbers, size_t count,
	void (*on_signal)(void *ctx, int number), void *ctx);
void signals_free(struct signals **signals);

#endif
