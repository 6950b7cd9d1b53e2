/* The stand-in for local services, and how a rig is built and taken down. */
#include "agent_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/attr.h"
#include "base/mem.h"
#include "io/loop.h"
#include "io/stream.h"

/* ---- local services, by script as well ---- */

struct local *rig_local;

static void on_visitor_data(void *ctx, struct slice data)
{
}

static void on_visitor_quiet(void *ctx)
{
}

static void on_visitor_failed(void *ctx, int err)
{
	struct local *l = ctx;

	l->failed++;
	stream_close(&l->visitor);
}

static const struct stream_events visitor_events = {
	.data = on_visitor_data,
	.drained = on_visitor_quiet,
	.ended = on_visitor_quiet,
	.failed = on_visitor_failed,
};

struct local *local_new(
	struct loop *loop, const struct local_conf *conf, const struct local_events *events)
{
	rig_local = MEM_NEW(struct local);
	rig_local->events = *events;
	return rig_local;
}

void local_free(struct local **l)
{
	stream_abort(&(*l)->visitor);
	buf_release(&(*l)->calls);
	mem_free(*l);
	*l = NULL;
}

int local_add(struct local *l, uint32_t tunnel, const struct tunnel_spec *spec, struct buf *message)
{
	buf_printf(&l->calls, "add %u %u,", tunnel, spec->target.port);
	if (!l->add_fails)
		return 0;
	buf_append_str(message, "ca.pem: no such file");
	return -1;
}

void local_remove(struct local *l, uint32_t tunnel)
{
	buf_printf(&l->calls, "remove %u,", tunnel);
}

void local_serve(struct local *l, void *session, struct stream **stream)
{
	stream_close(&l->visitor);
	l->visitor = *stream;
	l->session = session;
	*stream = NULL;
	l->served++;
	stream_listen(l->visitor, &visitor_events, l);
	stream_read_start(l->visitor);
}

void local_given_up(struct local *l, const void *session, uint32_t stream_id, struct slice code,
	struct slice message)
{
	buf_printf(&l->calls, "given_up %s %u %.*s %.*s,",
		session == l->session ? "its" : "another", stream_id, SLICE_ARG(code),
		SLICE_ARG(message));
}

void local_set_limits(struct local *l, const struct local_limits *limits)
{
	if (limits->head || limits->fields)
		buf_printf(&l->calls, "limits %u %u,", limits->head, limits->fields);
}

unsigned local_count(const struct local *l)
{
	return l->visitor ? 1 : 0;
}

bool rig_were_calls(const char *expected)
{
	return slice_eq(buf_slice(&rig_local->calls), slice_from_str(expected));
}

/* ---- the test's own side ---- */

static const char *const kinds[] = {"connecting", "link_up", "link_lost", "link_resumed",
	"session_lost", "tunnel_up", "tunnel_changed", "tunnel_down", "request", "request_opened",
	"rtt", "notice", "warning", "error"};

static void on_report(void *ctx, const struct report *r)
{
	struct rig *f = ctx;

	f->counts[r->kind]++;
	assert_true(r->wall_ms > 0);
	if (r->kind == REPORT_CONNECTING)
		f->attempt = r->attempt;
	if (r->kind == REPORT_CONNECTING && r->retry_ms)
		f->retry_ms = r->retry_ms;
	if (r->kind == REPORT_CONNECTING || r->kind == REPORT_RTT)
		return;
	buf_printf(&f->reports, "%s %.*s %.*s %.*s %.*s%s\n", kinds[r->kind], SLICE_ARG(r->tunnel),
		SLICE_ARG(r->url), SLICE_ARG(r->target), SLICE_ARG(r->code),
		r->fatal ? " fatal" : "");
}

bool rig_was_reported(const struct rig *f, const char *text)
{
	struct slice all = buf_slice(&f->reports);

	return all.len && memmem(all.ptr, all.len, text, strlen(text));
}

int rig_set_up(void **state)
{
	struct rig *f = MEM_NEW(struct rig);

	f->loop = loop_new();
	fake_relay_open(&f->relay, f->loop, 0);
	f->conf = (struct agent_conf) {
		.relay_host = "127.0.0.1",
		.relay_port = f->relay.port,
		.relay_text = "http://127.0.0.1",
		.client = "token",
		.connections = 1,
		.local_connect_ms = 1000,
		.max_streams = 100,
		.buffer_max = 1048576,
	};
	*state = f;
	return 0;
}

int rig_tear_down(void **state)
{
	struct rig *f = *state;

	agent_free(&f->agent);
	fake_relay_close(&f->relay);
	loop_free(&f->loop);
	buf_release(&f->reports);
	mem_free(f);
	return 0;
}

struct tunnel_spec rig_http(const char *label, const char *subdomain)
{
	return (struct tunnel_spec) {
		.label = (char *)(uintptr_t)label,
		.proto = TUNNEL_HTTP,
		.target = {.host = (char *)(uintptr_t) "127.0.0.1", .port = 3000},
		.subdomain = (char *)(uintptr_t)subdomain,
	};
}

void rig_start(struct rig *f, struct tunnel_spec spec)
{
	f->agent = agent_new(f->loop, &f->conf, on_report, f);
	agent_set_tunnels(f->agent, &spec, 1);
}

void rig_start_up(struct rig *f, const char *subdomain)
{
	rig_start(f, rig_http("web", subdomain));
	UNTIL(f->counts[REPORT_TUNNEL_UP] == 1);
}
