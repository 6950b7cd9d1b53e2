/* A row about one request or TCP connection: columns come and go with the width. Pure. */
#ifndef AGENT_SCREEN_REQUEST_H
#define AGENT_SCREEN_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

struct screen_pen;
struct screen_request;

#define SCREEN_REQUEST_TIME_ROOM 16u

void screen_request_draw(
	struct screen_pen *pen, const struct screen_request *q, bool has_many_tunnels);
/* "14:02:11", the local time. */
void screen_request_time(char text[SCREEN_REQUEST_TIME_ROOM], uint64_t wall_ms);

#endif
