/* What is said of one link to whoever watches the agent: how far it is, and a trouble once. */
#ifndef AGENT_LINK_VOICE_H
#define AGENT_LINK_VOICE_H

#include <stdint.h>

#include "base/slice.h"

struct report;

#define LINK_VOICE_CODE_MAX 64u

/* Public so that its owner embeds it. */
struct link_voice {
	const char *relay; /* borrowed */
	void (*report)(void *ctx, unsigned lane, struct report *report);
	void *ctx; /* borrowed */
	unsigned lane;
	unsigned attempt; /* since the link was up; its owner counts */
	char told[LINK_VOICE_CODE_MAX + 1]; /* the code of the trouble that was reported last */
};

void link_voice_say(const struct link_voice *v, struct report *report);
/* The same trouble again and again is told once. */
void link_voice_warn(struct link_voice *v, struct slice code, struct slice message);
/* An attempt begins; or, with retry_ms, the next one does after that time. */
void link_voice_connecting(const struct link_voice *v, uint64_t retry_ms);
/* The report says that it is up: troubles and attempts begin anew. */
void link_voice_up(struct link_voice *v, struct report *report);
void link_voice_lost(const struct link_voice *v, int err);

#endif
