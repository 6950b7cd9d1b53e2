/*
 * A stream to a relay, for whatever is to be said on it: name -> address -> TCP (through an HTTP
 * proxy if there must be one) -> TLS. The hops that wire/uplink.h and wire/fetch.h have in common.
 */
#ifndef WIRE_REACH_H
#define WIRE_REACH_H

#include "wire/uplink.h"

struct reach;

/*
 * As uplink_start, of which it is the beginning: the same request, and the same result with
 * UPLINK_HTTP as the hop and err 0 when link is the callee's. Nobody listens to it yet.
 */
struct reach *reach_start(
	struct loop *loop, const struct uplink_request *request, uplink_done_fn done, void *ctx);
void reach_cancel(struct reach **r);
/* What is left of the time for all, at least a millisecond; began by loop_clock_us. */
uint64_t reach_time_left(const struct uplink_request *request, uint64_t began_us);

#endif
