/* Everything is real but small: the loop, the queues, the connections. */
#include "support/session_pair.h"

#include "base/check.h"
#include "io/loop.h"
#include "io/stream_tcp.h"
#include "io/timeout.h"
#include "support/loop_turn.h"
#include "support/tcp_pair.h"

#define NEVER_MS 3600000u
#define TICK_MS 2u

static void pair_then(struct session_end *end)
{
	if (end->then)
		end->then(end);
}

static void pair_on_opened(void *ctx, struct stream *stream)
{
	struct session_end *end = ctx;
	struct stream_log *log = &end->streams[end->opened++];

	CHECK(end->opened <= SESSION_PAIR_STREAMS);
	stream_log_init(log, stream);
	log->then = end->then_stream;
	if (!end->stopped)
		stream_read_start(stream);
	pair_then(end);
}

static void pair_on_lost(void *ctx, int err)
{
	struct session_end *end = ctx;

	end->lost++;
	end->lost_err = err;
	pair_then(end);
}

static void pair_on_broken(void *ctx)
{
	struct session_end *end = ctx;

	end->broken++;
	pair_then(end);
}

static void pair_on_go_away(void *ctx)
{
	struct session_end *end = ctx;

	end->went_away++;
	pair_then(end);
}

static void pair_on_measured(void *ctx, uint64_t rtt_us)
{
	struct session_end *end = ctx;

	CHECK(rtt_us < 3600000000u);
	end->measured++;
	pair_then(end);
}

static const struct session_events pair_events = {
	.opened = pair_on_opened,
	.lost = pair_on_lost,
	.broken = pair_on_broken,
	.go_away = pair_on_go_away,
	.measured = pair_on_measured,
};

void session_pair_init(
	struct session_pair *pair, unsigned heartbeat, unsigned silence, unsigned probe)
{
	*pair = (struct session_pair) {.loop = loop_new()};
	pair->supplies.heartbeat = timeout_queue_new(pair->loop, heartbeat ? heartbeat : NEVER_MS);
	pair->supplies.silence = timeout_queue_new(pair->loop, silence ? silence : NEVER_MS);
	pair->supplies.probe = timeout_queue_new(pair->loop, probe ? probe : NEVER_MS);
	pair->supplies.tick = timeout_queue_new(pair->loop, TICK_MS);
	for (unsigned i = 0; i < 2; i++) {
		const struct mux_conf conf = {
			.role = i == 0 ? MUX_CLIENT : MUX_SERVER,
			.max_streams = SESSION_PAIR_STREAMS,
			.window_max = 1048576,
			.window_budget = 4194304,
			.tail_max = 1048576,
		};

		pair->ends[i].session = session_new(
			pair->loop, &conf, &pair->supplies, &pair_events, &pair->ends[i]);
	}
}

void session_pair_deinit(struct session_pair *pair)
{
	for (unsigned i = 0; i < 2; i++) {
		pair->ends[i].then = NULL;
		session_free(&pair->ends[i].session);
		for (unsigned k = 0; k < pair->ends[i].opened; k++)
			stream_log_deinit(&pair->ends[i].streams[k]);
	}
	loop_turn(pair->loop);
	timeout_queue_free(&pair->supplies.heartbeat);
	timeout_queue_free(&pair->supplies.silence);
	timeout_queue_free(&pair->supplies.probe);
	timeout_queue_free(&pair->supplies.tick);
	loop_free(&pair->loop);
}

static void pair_links(struct session_pair *pair, struct stream *links[2])
{
	int fds[2];

	tcp_pair_open(fds);
	for (unsigned i = 0; i < 2; i++)
		CHECK(stream_tcp_adopt(pair->loop, fds[i], &links[i]) == 0);
}

void session_pair_start(struct session_pair *pair, bool resume)
{
	struct stream *links[2];

	pair_links(pair, links);
	for (unsigned i = 0; i < 2; i++) {
		session_start(pair->ends[i].session, &links[i], SLICE(""));
		session_agree(pair->ends[i].session, resume, 65536);
	}
}

void session_pair_resume(struct session_pair *pair)
{
	struct session *client = pair->ends[0].session, *server = pair->ends[1].session;
	uint64_t received = session_received(client);
	struct stream *links[2];

	CHECK(!session_has_link(client));
	pair_links(pair, links);
	CHECK(session_resume(server, &links[1], SLICE(""), received) == 0);
	CHECK(session_resume(client, &links[0], SLICE(""), session_received(server)) == 0);
}

int session_pair_start_bare(struct session_pair *pair, unsigned end, struct slice early)
{
	struct stream *link;
	int fds[2];

	tcp_pair_open(fds);
	CHECK(stream_tcp_adopt(pair->loop, fds[0], &link) == 0);
	session_start(pair->ends[end].session, &link, early);
	return fds[1];
}

void session_pair_open(struct session_pair *pair, unsigned end, struct stream_log *log)
{
	struct stream *stream = session_open(pair->ends[end].session);

	CHECK(stream);
	stream_log_init(log, stream);
	stream_read_start(stream);
}
