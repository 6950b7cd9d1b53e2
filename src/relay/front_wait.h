/*
 * A visitor's connection while the relay itself is not done with its request: nothing more of its
 * input is used, and when it leaves, the answer is written to nobody.
 */
#ifndef RELAY_FRONT_WAIT_H
#define RELAY_FRONT_WAIT_H

#include <stdbool.h>

#include "base/slice.h"

struct api_later;
struct exchange_events;
struct front;

/* What has to be known of the request once its bytes are gone. */
struct front_wait_setup {
	struct api_later *later; /* taken */
	const struct exchange_events *events; /* whose done is called after the answer */
	struct slice method;
	struct slice path;
	struct slice visitor;
	struct slice source; /* the address that is refused where it is a refusal */
	size_t bytes_in;
	bool head_only;
	bool http_1_0;
	bool keep_alive;
};

void front_wait_begin(struct front *f, const struct front_wait_setup *setup);
/* Whether or not it waits. */
void front_wait_end(struct front *f);

#endif
