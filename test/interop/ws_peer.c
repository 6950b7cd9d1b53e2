/*
 * One WebSocket of ours that sends back what it receives, for ws.mjs, which has another
 * implementation on the other side.
 *
 *   ws_peer server         prints the port it listens on, and takes one connection
 *   ws_peer client PORT    connects to that port of this machine
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "io/addr.h"
#include "io/dial.h"
#include "io/listener.h"
#include "io/loop.h"
#include "io/stream.h"
#include "io/timeout.h"
#include "proto/http1_parse.h"
#include "wire/upgrade_accept.h"
#include "wire/uplink.h"
#include "wire/uplink_http.h"
#include "wire/ws_stream.h"

#define KEY "AQIDBAUGBwgJCgsMDQ4PEA=="

struct peer {
	struct loop *loop;
	struct listener *listener;
	struct timeout_queue *retry;
	struct stream *stream;
	struct uplink_request request;
	struct buf in; /* of the handshake */
	const char *outcome;
};

static struct uplink_answer answer;
static struct http_head head;

static void finish(struct peer *p, const char *outcome)
{
	p->outcome = outcome;
	stream_close(&p->stream);
	loop_stop(p->loop);
}

static void on_echo_data(void *ctx, struct slice data)
{
	struct peer *p = ctx;

	if (!stream_write(p->stream, &data, 1))
		stream_read_stop(p->stream);
}

static void on_echo_drained(void *ctx)
{
	stream_read_start(((struct peer *)ctx)->stream);
}

static void on_echo_ended(void *ctx)
{
	struct peer *p = ctx;

	stream_shutdown(p->stream);
	finish(p, "ended");
}

static void on_failed(void *ctx, int err)
{
	finish(ctx, "failed");
}

static const struct stream_events echo_events = {
	.data = on_echo_data,
	.drained = on_echo_drained,
	.ended = on_echo_ended,
	.failed = on_failed,
};

static void begin_echo(struct peer *p, enum ws_role role, struct slice rest)
{
	struct stream *lower = p->stream;

	stream_read_stop(lower);
	p->stream = ws_stream_new(p->loop, &lower, role);
	stream_listen(p->stream, &echo_events, p);
	ws_stream_feed(p->stream, rest);
	stream_read_start(p->stream);
}

static void on_request_data(void *ctx, struct slice data)
{
	static const struct http1_limits limits = {1000, 16384, 100};
	struct http1_parser parser = {0};
	struct peer *p = ctx;
	struct buf out = {0};
	struct slice bytes;

	buf_append_slice(&p->in, data);
	if (http1_parse_request(&parser, buf_slice(&p->in), &limits, &head) != PARSE_DONE)
		return;
	if (upgrade_kind_of(&head) != UPGRADE_WEBSOCKET) {
		finish(p, "no WebSocket of ours");
		return;
	}
	upgrade_write_answer(&out, UPGRADE_WEBSOCKET, &head, SLICE(""));
	bytes = buf_slice(&out);
	stream_write(p->stream, &bytes, 1);
	buf_release(&out);
	begin_echo(p, WS_SERVER, slice_from(buf_slice(&p->in), head.size));
}

static void on_answer_data(void *ctx, struct slice data)
{
	struct peer *p = ctx;
	const char *fault;

	buf_append_slice(&p->in, data);
	if (uplink_answer_read(&answer, buf_slice(&p->in)) != PARSE_DONE)
		return;
	fault = uplink_answer_fault(&answer, &p->request, KEY);
	if (fault)
		finish(p, fault);
	else
		begin_echo(p, WS_CLIENT, uplink_answer_rest(&answer, buf_slice(&p->in)));
}

static void on_drained(void *ctx)
{
}

static void on_ended(void *ctx)
{
	finish(ctx, "ended before the handshake was over");
}

static const struct stream_events request_events = {
	.data = on_request_data, .drained = on_drained, .ended = on_ended, .failed = on_failed};
static const struct stream_events answer_events = {
	.data = on_answer_data, .drained = on_drained, .ended = on_ended, .failed = on_failed};

static void on_accepted(void *ctx, struct stream *stream, const struct addr *peer)
{
	struct peer *p = ctx;

	CHECK(!p->stream);
	p->stream = stream;
	stream_listen(stream, &request_events, p);
	stream_read_start(stream);
}

static void on_paused(void *ctx)
{
}

static void on_dialled(void *ctx, const struct dial_result *result)
{
	struct peer *p = ctx;
	struct buf out = {0};
	struct slice bytes;

	CHECK(!result->err);
	p->stream = result->stream;
	stream_listen(p->stream, &answer_events, p);
	uplink_http_write_request(&out, &p->request, KEY);
	bytes = buf_slice(&out);
	stream_write(p->stream, &bytes, 1);
	buf_release(&out);
	stream_read_start(p->stream);
}

static void serve(struct peer *p)
{
	static const struct listener_events events = {.accepted = on_accepted, .paused = on_paused};
	struct addr at;

	CHECK(addr_parse("127.0.0.1", 0, &at) == 0);
	CHECK(listener_open(p->loop, &at, false, &p->listener) == 0);
	listener_start(p->listener, &events, p, p->retry);
	printf("%u\n", listener_port(p->listener));
	fflush(stdout);
}

int main(int argc, char **argv)
{
	struct peer p = {.loop = loop_new(), .outcome = "nothing"};
	struct dial_target target = {.host = "127.0.0.1"};

	p.retry = timeout_queue_new(p.loop, 50);
	if (argc == 2 && strcmp(argv[1], "server") == 0) {
		serve(&p);
	} else {
		CHECK(argc == 3 && strcmp(argv[1], "client") == 0);
		target.port = (uint16_t)atoi(argv[2]);
		p.request = (struct uplink_request) {
			.host = "127.0.0.1", .port = target.port, .framing = UPLINK_WEBSOCKET};
		dial_start(p.loop, &target, 10000, on_dialled, &p);
	}
	loop_run(p.loop);
	listener_close(&p.listener);
	timeout_queue_free(&p.retry);
	buf_release(&p.in);
	loop_free(&p.loop);
	printf("%s\n", p.outcome);
	return 0;
}
