/* The part of the status screen that a reader copies from: URLs, and where they lead. */
#ifndef AGENT_SCREEN_TUNNELS_H
#define AGENT_SCREEN_TUNNELS_H

struct screen_paint;

/* In so many rows, but for one tunnel alone, whose URL is shown whole. */
void screen_tunnels_paint(struct screen_paint *p, unsigned room);

#endif
