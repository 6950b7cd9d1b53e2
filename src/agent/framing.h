/*
 * Which framing the next attempt to reach the relay uses: plain, or WebSocket where something on
 * the way lets nothing else pass. Remembers what worked while the process lives. Pure; one for all
 * sessions of an agent.
 */
#ifndef AGENT_FRAMING_H
#define AGENT_FRAMING_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/uplink.h"

#define FRAMING_PROBE_MS 3600000u /* plain is tried again so long after WebSocket was chosen */
/* A relay that is just starting answers through its reverse proxy with a 502: where plain has
 * worked before, so many failures in a row come before WebSocket is tried. */
#define FRAMING_PATIENCE 3u

struct framing {
	bool websocket_only;
	bool known; /* use has worked */
	enum uplink_framing use;
	uint64_t chosen_at;
	unsigned failures; /* of what is known to work, in a row */
};

void framing_init(struct framing *f, bool websocket_only);
/* is_new: the attempt is for a new session; only such a one probes. */
enum uplink_framing framing_pick(struct framing *f, bool is_new, uint64_t now_ms);
void framing_worked(struct framing *f, enum uplink_framing used, uint64_t now_ms);
/* The upgrade got no answer of a relay. True: another framing is worth trying at once. */
bool framing_failed(struct framing *f, enum uplink_framing used, uint64_t now_ms);

#endif
