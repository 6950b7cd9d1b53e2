/*
 * The limits of a tunnel at work: how often it is asked, by how many at a time, how fast and how
 * much it carries, and how long it is left alone. A tunnel without limits whose use nobody counts
 * has none. Lives with its tunnel, on the tunnel's home.
 */
#ifndef RELAY_METER_H
#define RELAY_METER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "relay/visitor_error.h"

struct meter;
struct tunnel;

/* A visitor, in its own object. Bandwidth makes it wait in the order in which it used some. */
struct meter_visit {
	struct list node; /* linked: it waits, and nothing is to be read for it */
	uint64_t until_us;
	uint64_t in; /* what was told so far */
	uint64_t out;
	bool entered;
	void (*go_on)(struct meter_visit *visit); /* from the loop; it does not wait any more */
};

/*
 * Gives the tunnel the limits of its owner's plan as it is now; it gets a meter when it needs one.
 * idle is called when no visitor came for as long as the plan has it.
 */
void meter_settle(struct tunnel *t, void (*idle)(struct tunnel *t));
/* The tunnel is closed; visitors that it has may finish. */
void meter_close(struct meter *m);
void meter_free(struct meter **m);

/*
 * A request or a connection comes, before anything else is known of it: false when it may not,
 * *error_out and *retry_s_out say why. Counts it.
 */
bool meter_admit(struct meter *m, enum visitor_error *error_out, uint64_t *retry_s_out);
/* Whether there is room for one more visitor. */
bool meter_has_room(const struct meter *m);
/* How much a visitor should read at a time, so that bandwidth is used evenly: what it brings in a
 * tenth of a second. STREAM_READ_SMALL: as much as comes. */
uint32_t meter_step(const struct meter *m);
/* What the month may have is used up. */
bool meter_is_spent(const struct meter *m);

void meter_visit_init(struct meter_visit *v, void (*go_on)(struct meter_visit *visit));
/* It is served from now on; the tunnel may have no meter (yet). */
void meter_enter(struct tunnel *t, struct meter_visit *v);
/* Tells how much came from the visitor, and went to it, in all. True when it has to wait: go_on
 * comes. It also waits, for a moment, when the month is spent; go_on then ends it. */
bool meter_tell(struct tunnel *t, struct meter_visit *v, uint64_t in, uint64_t out);
static inline bool meter_visit_waits(const struct meter_visit *v)
{
	return list_is_linked(&v->node);
}
/* It is over. */
void meter_leave(struct tunnel *t, struct meter_visit *v);

#endif
