/*
 * Who was refused lately and is in the log already: the npm client repeats a refused request once
 * a second, for ever (D23). Shared by the workers.
 */
#ifndef RELAY_REFUSALS_H
#define RELAY_REFUSALS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

struct refusals;

struct refusals *refusals_new(void);
void refusals_free(struct refusals **r);
/* Whether a line about this source is due; how many were left out before it. */
bool refusals_due(
	struct refusals *r, struct slice source, uint64_t now_ms, uint64_t *suppressed_out);

#endif
