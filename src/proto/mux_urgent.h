/*
 * Frames that belong to a link and not to the session: pings and acknowledgements. They pass
 * everything that waits, do not count, and are lost with the link.
 */
#ifndef PROTO_MUX_URGENT_H
#define PROTO_MUX_URGENT_H

struct mux;
struct mux_frame;

/* A peer that floods with pings, and does not read, makes no more than this wait. */
#define MUX_URGENT_MAX 65536u

/* payload: 8 bytes, or NULL. */
void mux_urgent_put(struct mux *m, const struct mux_frame *f, const char *payload);
/* Says what was received, if that is news and may be said. */
void mux_urgent_acknowledge(struct mux *m);

#endif
