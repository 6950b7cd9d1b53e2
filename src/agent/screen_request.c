/* The columns at the sides have fixed widths, and the path gets what is left. */
#include "agent/screen_request.h"

#include <time.h>

#include "agent/screen_model.h"
#include "agent/screen_pen.h"

#define SCREEN_REQUEST_TIME_FROM 56u /* columns of the terminal */
#define SCREEN_REQUEST_VISITOR_FROM 76u
#define SCREEN_REQUEST_TUNNEL_FROM 110u

#define SCREEN_REQUEST_METHOD 7u
#define SCREEN_REQUEST_STATUS 3u
#define SCREEN_REQUEST_DURATION 7u
#define SCREEN_REQUEST_VISITOR 15u
#define SCREEN_REQUEST_TUNNEL 16u

void screen_request_time(char text[SCREEN_REQUEST_TIME_ROOM], uint64_t wall_ms)
{
	time_t seconds = (time_t)(wall_ms / 1000);
	struct tm local;

	localtime_r(&seconds, &local);
	strftime(text, SCREEN_REQUEST_TIME_ROOM, "%H:%M:%S", &local);
}

static enum screen_style screen_request_style(const struct screen_request *q)
{
	if (q->failed || q->status >= 500)
		return SCREEN_RED;
	if (q->status >= 400)
		return SCREEN_YELLOW;
	if (q->status >= 300 || q->status < 200)
		return SCREEN_CYAN;
	return SCREEN_GREEN;
}

static void screen_request_status(struct screen_pen *pen, const struct screen_request *q)
{
	struct buf text = {0};

	if (q->status)
		buf_append_u64(&text, q->status);
	else
		buf_append_str(&text, q->tcp && !q->failed ? "ok" : "---");
	screen_pen_right(pen, screen_request_style(q), buf_slice(&text), SCREEN_REQUEST_STATUS);
	buf_release(&text);
}

static void screen_request_duration(struct screen_pen *pen, const struct screen_request *q)
{
	struct buf text = {0};

	screen_put_duration(&text, q->duration_us);
	screen_pen_right(pen, SCREEN_PLAIN, buf_slice(&text), SCREEN_REQUEST_DURATION);
	buf_release(&text);
}

static void screen_request_what(
	struct screen_pen *pen, const struct screen_request *q, unsigned cells)
{
	struct buf text = {0};

	if (q->tcp) {
		screen_put_bytes(&text, q->bytes_in);
		buf_append_str(&text, " in, ");
		screen_put_bytes(&text, q->bytes_out);
		buf_append_str(&text, " out");
	} else {
		buf_append(&text, q->path, q->path_len);
	}
	screen_pen_put(pen, SCREEN_PLAIN, buf_slice(&text), cells);
	buf_release(&text);
}

void screen_request_draw(
	struct screen_pen *pen, const struct screen_request *q, bool has_many_tunnels)
{
	bool has_visitor = pen->width >= SCREEN_REQUEST_VISITOR_FROM;
	bool has_tunnel = has_many_tunnels && pen->width >= SCREEN_REQUEST_TUNNEL_FROM;
	unsigned status_at = pen->width - 1 - SCREEN_REQUEST_STATUS - 2 - SCREEN_REQUEST_DURATION;
	char time[SCREEN_REQUEST_TIME_ROOM];

	if (has_visitor)
		status_at -= 2 + SCREEN_REQUEST_VISITOR;
	if (has_tunnel)
		status_at -= 2 + SCREEN_REQUEST_TUNNEL;
	screen_pen_go(pen, 1);
	if (pen->width >= SCREEN_REQUEST_TIME_FROM) {
		screen_request_time(time, q->wall_ms);
		screen_pen_text(pen, SCREEN_DIM, time);
		screen_pen_go(pen, pen->used + 2);
	}
	if (pen->width > 2 * (pen->used + SCREEN_REQUEST_METHOD)) {
		unsigned at = pen->used + SCREEN_REQUEST_METHOD + 1;

		screen_pen_put(pen, SCREEN_BOLD, q->tcp ? SLICE("TCP") : slice_from_str(q->method),
			SCREEN_REQUEST_METHOD);
		screen_pen_go(pen, at);
	}
	if (status_at < pen->width && status_at > pen->used + 2) {
		screen_request_what(pen, q, status_at - pen->used - 2);
		screen_pen_go(pen, status_at);
		screen_request_status(pen, q);
		screen_pen_go(pen, pen->used + 2);
		screen_request_duration(pen, q);
	}
	if (has_visitor) {
		screen_pen_go(pen, pen->used + 2);
		screen_pen_put(pen, SCREEN_DIM, slice_from_str(q->visitor), SCREEN_REQUEST_VISITOR);
	}
	if (has_tunnel) {
		screen_pen_go(pen, pen->width - 1 - SCREEN_REQUEST_TUNNEL);
		screen_pen_put(pen, SCREEN_DIM, slice_from_str(q->tunnel), SCREEN_REQUEST_TUNNEL);
	}
}
