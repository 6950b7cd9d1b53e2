/* One function for each kind of line; tables hold the names that scripts rely on. */
#include "agent/lines.h"

#include <time.h>

#include "agent/report.h"
#include "base/log_text.h"

/* ---- plain ---- */

static void lines_text(struct buf *out, struct slice value)
{
	char text[LOG_TEXT_ROOM];

	buf_append(out, text, (size_t)(log_text_bare(text, value) - text));
}

static void lines_local_time(struct buf *out, uint64_t wall_ms)
{
	time_t seconds = (time_t)(wall_ms / 1000);
	struct tm local;
	char text[32];

	localtime_r(&seconds, &local);
	strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S ", &local);
	buf_append_str(out, text);
}

/* "950us", "12ms", "3.4s" */
static void lines_duration(struct buf *out, uint64_t us)
{
	if (us < 1000)
		buf_printf(out, "%lluus", (unsigned long long)us);
	else if (us < 10000000)
		buf_printf(out, "%llums", (unsigned long long)us / 1000);
	else
		buf_printf(out, "%.1fs", (double)us / 1e6);
}

static void lines_plain_request(struct buf *out, const struct report *r)
{
	lines_local_time(out, r->wall_ms);
	if (r->tcp) {
		buf_append_str(out, "tcp connection ");
	} else {
		lines_text(out, r->method);
		buf_append_char(out, ' ');
		lines_text(out, r->path);
		if (r->status)
			buf_printf(out, " %u ", r->status);
		else
			buf_append_str(out, " - ");
	}
	lines_duration(out, r->duration_us);
	buf_append_char(out, ' ');
	lines_text(out, r->visitor);
	if (r->tcp)
		buf_printf(out, " %llu bytes in, %llu out", (unsigned long long)r->bytes_in,
			(unsigned long long)r->bytes_out);
	buf_append_char(out, ' ');
	lines_text(out, r->request_id);
	if (r->code.len) {
		buf_append_char(out, ' ');
		lines_text(out, r->code);
		buf_append_str(out, ": ");
		lines_text(out, r->message);
	}
	buf_append_char(out, '\n');
}

/* "connection lost: reason" and the like: a word, then whatever the report says. */
static void lines_plain_event(struct buf *out, const struct report *r, const char *what)
{
	lines_local_time(out, r->wall_ms);
	buf_append_str(out, what);
	if (r->tunnel.len) {
		buf_append_char(out, ' ');
		lines_text(out, r->tunnel);
	}
	if (r->duration_us) {
		buf_append_str(out, " after ");
		lines_duration(out, r->duration_us);
	}
	if (r->code.len) {
		buf_append_str(out, " [");
		lines_text(out, r->code);
		buf_append_char(out, ']');
	}
	if (r->message.len) {
		buf_append_str(out, ": ");
		lines_text(out, r->message);
	}
	if (r->retry_ms)
		buf_printf(out, "; next attempt in %llu ms", (unsigned long long)r->retry_ms);
	buf_append_char(out, '\n');
}

static void lines_plain_about(struct buf *out, const struct report *r, const char *code,
	struct slice what, const char *rest)
{
	lines_local_time(out, r->wall_ms);
	buf_append_str(out, "warning ");
	lines_text(out, r->tunnel);
	buf_printf(out, " [%s]: ", code);
	lines_text(out, what);
	buf_append_str(out, rest);
}

static void lines_plain_forwarding(struct buf *out, const struct report *r)
{
	buf_append_str(out, "Forwarding ");
	lines_text(out, r->url);
	buf_append_str(out, " -> ");
	lines_text(out, r->target);
	buf_append_str(out, r->is_protected ? " (protected)\n" : "\n");
	if (r->name_wanted.len)
		lines_plain_about(out, r, "other-name", r->name_wanted,
			" is somebody else's; the relay gave another name\n");
	if (!r->url_before.len)
		return;
	/* Whoever was given the old one has to hear of it. */
	lines_plain_about(out, r, "address-changed", r->url_before, " is now ");
	lines_text(out, r->url);
	buf_append_char(out, '\n');
}

/* Of attempts without end the first, second, fourth, eighth and so on. */
static bool lines_plain_tells_attempt(const struct report *r)
{
	return (r->attempt > 1 || r->retry_ms) && (r->attempt & (r->attempt - 1)) == 0;
}

void lines_plain(struct buf *out, const struct report *r)
{
	switch (r->kind) {
	case REPORT_CONNECTING:
		if (lines_plain_tells_attempt(r))
			lines_plain_event(out, r, "connecting");
		break;
	case REPORT_LINK_UP:
	case REPORT_REQUEST_OPENED:
	case REPORT_RTT:
		break;
	case REPORT_LINK_LOST:
		lines_plain_event(out, r, "connection lost, transfers wait");
		break;
	case REPORT_LINK_RESUMED:
		lines_plain_event(out, r, "connection resumed");
		break;
	case REPORT_SESSION_LOST:
		lines_plain_event(out, r, "the relay has forgotten this session, starting anew");
		break;
	case REPORT_TUNNEL_UP:
	case REPORT_TUNNEL_CHANGED:
		lines_plain_forwarding(out, r);
		break;
	case REPORT_TUNNEL_DOWN:
		lines_plain_event(out, r, "tunnel closed");
		break;
	case REPORT_REQUEST:
		lines_plain_request(out, r);
		break;
	case REPORT_NOTICE:
		lines_plain_event(out, r, "notice");
		break;
	case REPORT_WARNING:
		lines_plain_event(out, r, "warning");
		break;
	case REPORT_ERROR:
		lines_plain_event(out, r, "error");
		break;
	}
}

/* ---- JSON ---- */

static const char *const lines_events[] = {
	[REPORT_CONNECTING] = "connecting",
	[REPORT_LINK_UP] = "link_up",
	[REPORT_LINK_LOST] = "link_lost",
	[REPORT_LINK_RESUMED] = "link_resumed",
	[REPORT_SESSION_LOST] = "session_lost",
	[REPORT_TUNNEL_UP] = "tunnel_up",
	[REPORT_TUNNEL_CHANGED] = "tunnel_changed",
	[REPORT_TUNNEL_DOWN] = "tunnel_down",
	[REPORT_REQUEST] = "request",
	[REPORT_REQUEST_OPENED] = NULL,
	[REPORT_RTT] = NULL,
	[REPORT_NOTICE] = "notice",
	[REPORT_WARNING] = "warning",
	[REPORT_ERROR] = "error",
};

static void lines_json_text(struct buf *out, const char *name, struct slice value)
{
	char text[LOG_TEXT_ROOM];

	if (!value.len)
		return;
	buf_printf(out, ",\"%s\":", name);
	buf_append(out, text, (size_t)(log_text_json(text, value) - text));
}

static void lines_json_ms(struct buf *out, const char *name, uint64_t us)
{
	buf_printf(out, ",\"%s\":%.3f", name, (double)us / 1000);
}

static void lines_json_request(struct buf *out, const struct report *r)
{
	lines_json_text(out, "method", r->method);
	lines_json_text(out, "path", r->path);
	if (r->status)
		buf_printf(out, ",\"status\":%u", r->status);
	lines_json_ms(out, "duration_ms", r->duration_us);
	if (r->first_byte_us)
		lines_json_ms(out, "first_byte_ms", r->first_byte_us);
	lines_json_text(out, "visitor", r->visitor);
	lines_json_text(out, "request_id", r->request_id);
	buf_printf(out, ",\"bytes_in\":%llu,\"bytes_out\":%llu", (unsigned long long)r->bytes_in,
		(unsigned long long)r->bytes_out);
	if (r->upgraded)
		buf_append_str(out, ",\"upgraded\":true");
}

static void lines_json_rest(struct buf *out, const struct report *r)
{
	lines_json_text(out, "url", r->url);
	lines_json_text(out, "url_before", r->url_before);
	lines_json_text(out, "name_wanted", r->name_wanted);
	lines_json_text(out, "target", r->target);
	lines_json_text(out, "relay", r->relay);
	lines_json_text(out, "account", r->account);
	lines_json_text(out, "plan", r->plan);
	if (r->is_protected)
		buf_append_str(out, ",\"protected\":true");
	if (r->lines)
		buf_printf(out, ",\"lines\":%llu", (unsigned long long)r->lines);
	if (r->attempt)
		buf_printf(out, ",\"attempt\":%u", r->attempt);
	if (r->retry_ms)
		buf_printf(out, ",\"retry_ms\":%llu", (unsigned long long)r->retry_ms);
	if (r->rtt_us)
		lines_json_ms(out, "rtt_ms", r->rtt_us);
	if (r->duration_us)
		lines_json_ms(out, "duration_ms", r->duration_us);
}

void lines_json(struct buf *out, const struct report *r)
{
	const char *event =
		r->kind == REPORT_REQUEST && r->tcp ? "connection" : lines_events[r->kind];
	struct log_text_clock clock = {0};
	char time[LOG_TEXT_TIME_ROOM];

	if (!event)
		return;
	buf_append_str(out, "{\"time\":\"");
	buf_append(out, time, (size_t)(log_text_time_utc(&clock, time, r->wall_ms) - time));
	buf_printf(out, "\",\"event\":\"%s\"", event);
	lines_json_text(out, "tunnel", r->tunnel);
	if (r->kind == REPORT_REQUEST)
		lines_json_request(out, r);
	else
		lines_json_rest(out, r);
	lines_json_text(out, "code", r->code);
	lines_json_text(out, r->kind == REPORT_LINK_LOST ? "reason" : "message", r->message);
	if (r->kind == REPORT_ERROR)
		buf_printf(out, ",\"fatal\":%s", r->fatal ? "true" : "false");
	buf_append_str(out, "}\n");
}
