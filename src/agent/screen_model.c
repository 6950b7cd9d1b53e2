/* One function for each group of reports. */
#include "agent/screen_model.h"

#include "agent/report.h"
#include "base/buf.h"
#include "base/mem.h"

#define SCREEN_MODEL_SECOND 1000u
#define SCREEN_MODEL_MINUTE 60000u

void screen_model_init(struct screen_model *m)
{
	*m = (struct screen_model) {0};
	m->tunnels = mem_alloc(SCREEN_TUNNELS_MAX * sizeof(m->tunnels[0]));
	m->ring = mem_alloc(SCREEN_REQUESTS_MAX * sizeof(m->ring[0]));
}

void screen_model_deinit(struct screen_model *m)
{
	mem_free(m->tunnels);
	mem_free(m->ring);
	m->tunnels = NULL;
	m->ring = NULL;
}

/* ---- the connection ---- */

static void screen_model_connecting(struct screen_model *m, const struct report *r, uint64_t now)
{
	m->state = m->was_connected ? SCREEN_LOST : SCREEN_CONNECTING;
	m->attempt = r->attempt;
	m->retry_at = r->retry_ms ? now + r->retry_ms : 0;
}

static void screen_model_up(struct screen_model *m, const struct report *r, uint64_t now)
{
	m->state = SCREEN_CONNECTED;
	m->was_connected = true;
	m->retry_at = 0;
	m->resumed_at = 0;
	if (r->kind == REPORT_LINK_RESUMED) {
		m->resumed_at = now;
		m->resumed_us = r->duration_us;
	} else {
		m->up_since = now;
		m->rtt_us = r->rtt_us;
	}
}

static void screen_model_session_lost(struct screen_model *m)
{
	m->state = SCREEN_LOST;
	m->up_since = 0;
	for (size_t i = 0; i < m->tunnel_count; i++) {
		if (m->tunnels[i].state == SCREEN_TUNNEL_UP)
			m->tunnels[i].state = SCREEN_TUNNEL_WAITS;
	}
}

/* ---- notes ---- */

static void screen_model_note(
	struct screen_model *m, const struct report *r, enum screen_note_kind kind)
{
	m->note.kind = kind;
	m->note.wall_ms = r->wall_ms;
	slice_to_str(r->tunnel, m->note.about, sizeof(m->note.about));
	slice_to_str(r->code, m->note.code, sizeof(m->note.code));
	slice_to_str(r->message, m->note.message, sizeof(m->note.message));
}

/* ---- tunnels ---- */

static struct screen_tunnel *screen_model_find(struct screen_model *m, struct slice label)
{
	char key[SCREEN_TEXT_MAX];

	slice_to_str(label, key, sizeof(key));
	for (size_t i = 0; i < m->tunnel_count; i++) {
		if (strcmp(m->tunnels[i].label, key) == 0)
			return &m->tunnels[i];
	}
	return NULL;
}

static void screen_model_tunnel(struct screen_model *m, const struct report *r)
{
	struct screen_tunnel *t = screen_model_find(m, r->tunnel);
	bool is_up = r->kind == REPORT_TUNNEL_UP || r->kind == REPORT_TUNNEL_CHANGED;

	if (!t && m->tunnel_count == SCREEN_TUNNELS_MAX) {
		m->tunnels_more += r->kind == REPORT_TUNNEL_UP;
		return;
	}
	if (!t) {
		t = &m->tunnels[m->tunnel_count++];
		slice_to_str(r->tunnel, t->label, sizeof(t->label));
		t->url[0] = '\0';
	}
	t->state = is_up                  ? SCREEN_TUNNEL_UP
		: r->kind == REPORT_ERROR ? SCREEN_TUNNEL_DOWN
					  : SCREEN_TUNNEL_WAITS;
	if (is_up)
		t->is_protected = r->is_protected;
	if (r->url.len)
		slice_to_str(r->url, t->url, sizeof(t->url));
	slice_to_str(r->target, t->target, sizeof(t->target));
}

/* Whoever was given the old address has to hear of it, as who counts on a name that it got. */
static void screen_model_moved(struct screen_model *m, const struct report *r)
{
	struct report note = *r;
	struct buf message = {0};

	if (r->url_before.len) {
		note.code = SLICE("address-changed");
		buf_printf(
			&message, "%.*s is now %.*s", SLICE_ARG(r->url_before), SLICE_ARG(r->url));
	} else if (r->name_wanted.len) {
		note.code = SLICE("other-name");
		buf_printf(&message, "%.*s is somebody else's; the relay gave another name",
			SLICE_ARG(r->name_wanted));
	} else {
		return;
	}
	note.message = buf_slice(&message);
	screen_model_note(m, &note, SCREEN_WARNING);
	buf_release(&message);
}

static void screen_model_tunnel_down(struct screen_model *m, const struct report *r)
{
	struct screen_tunnel *t = screen_model_find(m, r->tunnel);

	if (!t)
		return;
	if (!slice_eq(r->code, SLICE("removed"))) {
		t->state = SCREEN_TUNNEL_WAITS;
		screen_model_note(m, r, SCREEN_WARNING);
		return;
	}
	m->tunnel_count--;
	memmove(t, t + 1, (size_t)(m->tunnels + m->tunnel_count - t) * sizeof(*t));
}

/* ---- requests ---- */

static void screen_model_request_over(struct screen_model *m, const struct report *r)
{
	struct screen_request *q = &m->ring[m->ring_count++ % SCREEN_REQUESTS_MAX];

	m->requests++;
	m->open -= m->open > 0;
	m->bytes_in += r->bytes_in;
	m->bytes_out += r->bytes_out;
	q->wall_ms = r->wall_ms;
	q->duration_us = r->duration_us;
	q->bytes_in = r->bytes_in;
	q->bytes_out = r->bytes_out;
	q->status = r->status;
	q->tcp = r->tcp;
	q->failed = r->code.len || r->status >= 500;
	m->errors += q->failed;
	slice_to_str(r->method, q->method, sizeof(q->method));
	slice_to_str(r->visitor, q->visitor, sizeof(q->visitor));
	slice_to_str(r->tunnel, q->tunnel, sizeof(q->tunnel));
	/* May hold any byte, NUL as well. */
	q->path_len = r->path.len < SCREEN_PATH_MAX ? r->path.len : SCREEN_PATH_MAX;
	if (q->path_len)
		memcpy(q->path, r->path.ptr, q->path_len);
}

const struct screen_request *screen_model_request(const struct screen_model *m, size_t at)
{
	if (at >= m->ring_count || at >= SCREEN_REQUESTS_MAX)
		return NULL;
	return &m->ring[(m->ring_count - 1 - at) % SCREEN_REQUESTS_MAX];
}

/* About a tunnel when it names a target; about the whole otherwise. */
static void screen_model_trouble(struct screen_model *m, const struct report *r)
{
	screen_model_note(m, r, r->kind == REPORT_ERROR ? SCREEN_ERROR : SCREEN_WARNING);
	if (r->fatal)
		m->state = SCREEN_FAILED;
	if (r->target.len && (r->kind == REPORT_ERROR || r->retry_ms))
		screen_model_tunnel(m, r);
}

/* ---- all of it ---- */

static bool screen_model_take_link(struct screen_model *m, const struct report *r, uint64_t now)
{
	switch (r->kind) {
	case REPORT_CONNECTING:
		screen_model_connecting(m, r, now);
		return true;
	case REPORT_LINK_UP:
	case REPORT_LINK_RESUMED:
		screen_model_up(m, r, now);
		return true;
	case REPORT_LINK_LOST:
		m->state = SCREEN_LOST;
		m->retry_at = 0;
		return true;
	case REPORT_SESSION_LOST:
		screen_model_session_lost(m);
		return true;
	case REPORT_RTT:
		m->rtt_us = r->rtt_us;
		return true;
	case REPORT_TUNNEL_UP:
	case REPORT_TUNNEL_CHANGED:
	case REPORT_TUNNEL_DOWN:
	case REPORT_REQUEST:
	case REPORT_REQUEST_OPENED:
	case REPORT_NOTICE:
	case REPORT_WARNING:
	case REPORT_ERROR:
		break;
	}
	return false;
}

bool screen_model_take(struct screen_model *m, const struct report *r, uint64_t now)
{
	if (r->relay.len)
		slice_to_str(r->relay, m->relay, sizeof(m->relay));
	if (screen_model_take_link(m, r, now))
		return true;
	switch (r->kind) {
	case REPORT_CONNECTING:
	case REPORT_LINK_UP:
	case REPORT_LINK_RESUMED:
	case REPORT_LINK_LOST:
	case REPORT_SESSION_LOST:
	case REPORT_RTT:
		return false;
	case REPORT_TUNNEL_UP:
	case REPORT_TUNNEL_CHANGED:
		screen_model_tunnel(m, r);
		screen_model_moved(m, r);
		return true;
	case REPORT_TUNNEL_DOWN:
		screen_model_tunnel_down(m, r);
		return true;
	case REPORT_REQUEST:
		screen_model_request_over(m, r);
		if (r->code.len)
			screen_model_note(m, r, SCREEN_WARNING);
		return true;
	case REPORT_REQUEST_OPENED:
		m->open++;
		return true;
	case REPORT_NOTICE:
		screen_model_note(m, r, SCREEN_NOTICE);
		return true;
	case REPORT_WARNING:
	case REPORT_ERROR:
		screen_model_trouble(m, r);
		return true;
	}
	return false;
}

uint64_t screen_model_next(const struct screen_model *m, uint64_t now)
{
	if (m->retry_at > now)
		return (m->retry_at - now - 1) % SCREEN_MODEL_SECOND + 1;
	if (m->resumed_at && now - m->resumed_at < SCREEN_RESUMED_MS)
		return SCREEN_RESUMED_MS - (now - m->resumed_at);
	if (m->up_since)
		return SCREEN_MODEL_MINUTE - (now - m->up_since) % SCREEN_MODEL_MINUTE;
	return SCREEN_MODEL_MINUTE;
}
