/* What it means that an attempt to reach the relay failed. Pure. */
#ifndef AGENT_REFUSAL_H
#define AGENT_REFUSAL_H

#include <stdbool.h>

#include "base/slice.h"

struct uplink_result;

enum refusal_kind {
	REFUSAL_RETRY, /* later it may work */
	REFUSAL_SESSION_GONE, /* a new session may work at once */
	REFUSAL_FOREIGN, /* no relay has answered, or not to an upgrade: another framing may work */
	REFUSAL_DENIED, /* the relay does not take our signature */
	REFUSAL_ELSEWHERE, /* no agents come in there; now, if some did before */
	REFUSAL_FATAL, /* it will never work; our key is not good, for example */
};

struct refusal {
	enum refusal_kind kind;
	struct slice code; /* the relay's own (borrowed), or relay-dns and the like */
	unsigned retry_after_s;
	bool nobody; /* the attempt has not come to anybody: another one costs nobody anything */
};

struct refusal refusal_of(const struct uplink_result *result);

#endif
