/*
 * Nothing known: plain, then WebSocket, then from the start. WebSocket known: it, and plain once
 * when a new session begins an hour later. Plain known: it, until it has failed several times.
 */
#include "agent/framing.h"

void framing_init(struct framing *f, bool websocket_only)
{
	*f = (struct framing) {.websocket_only = websocket_only};
	f->use = websocket_only ? UPLINK_WEBSOCKET : UPLINK_PLAIN;
}

enum uplink_framing framing_pick(struct framing *f, bool is_new, uint64_t now_ms)
{
	if (f->websocket_only || !f->known || f->use == UPLINK_PLAIN)
		return f->use;
	if (!is_new || now_ms - f->chosen_at < FRAMING_PROBE_MS)
		return f->use;
	return UPLINK_PLAIN;
}

void framing_worked(struct framing *f, enum uplink_framing used, uint64_t now_ms)
{
	if (!f->known || f->use != used)
		f->chosen_at = now_ms;
	f->known = true;
	f->use = used;
	f->failures = 0;
}

bool framing_failed(struct framing *f, enum uplink_framing used, uint64_t now_ms)
{
	if (f->websocket_only)
		return false;
	if (f->known && f->use != used) {
		/* The probe: not again for an hour. */
		f->chosen_at = now_ms;
		return true;
	}
	if (f->known && ++f->failures < FRAMING_PATIENCE)
		return false;
	f->known = false;
	f->failures = 0;
	f->use = used == UPLINK_PLAIN ? UPLINK_WEBSOCKET : UPLINK_PLAIN;
	return f->use == UPLINK_WEBSOCKET;
}
