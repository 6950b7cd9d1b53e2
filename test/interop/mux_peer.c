/*
 * Our side of the interop test: a session (wire/session.h) over one TCP connection, as yamux client
 * or server, driven and judged by test_yamux.py.
 *
 *	mux_peer client|server [KIND COUNT BYTES]
 *
 * It prints {"port":N}, takes one connection there, serves the streams that the other side opens,
 * and opens COUNT of its own, all at once. When those are over it prints {"opened":...}, and
 * {"end":...} when the link is gone. The first line on a stream says what the one that accepted it
 * does, the same here and in peer.go:
 *
 *	echo            send everything back, and the end
 *	sink SEED       compare with the bytes of that seed; at the end answer "COUNT ok" or "bad"
 *	source SEED N   send so many bytes of that seed, and the end
 *	reset           reset the stream
 *	hold            never read on
 *	goaway          say go-away, then answer "ok"
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/mem.h"
#include "io/addr.h"
#include "io/listener.h"
#include "io/loop.h"
#include "io/stream.h"
#include "io/timeout.h"
#include "wire/session.h"

#define LINE_MAX_BYTES 80u
#define PIECE 16384u

enum kind { KIND_NONE, KIND_ECHO, KIND_SINK, KIND_SOURCE, KIND_RESET, KIND_HOLD, KIND_GOAWAY };

static const char *const kind_names[] = {"", "echo", "sink", "source", "reset", "hold", "goaway"};
#define KIND_COUNT (sizeof kind_names / sizeof kind_names[0])

struct peer {
	struct loop *loop;
	struct listener *listener;
	struct session *session;
	struct session_supplies supplies;
	struct timeout_queue *retry;
	struct mux_conf conf;
	enum kind open_kind;
	unsigned to_open;
	uint64_t bytes;
	unsigned open_left; /* of ours, still under way */
	unsigned good;
	unsigned served;
	unsigned served_failed;
	unsigned pings;
	unsigned jobs;
	bool go_away;
	const char *how; /* it ended; NULL: it has not */
	const char *fault;
};

/* One stream, whoever opened it. */
struct job {
	struct peer *peer;
	struct stream *stream;
	struct buf line;
	enum kind kind;
	bool ours;
	bool bad;
	bool finished; /* our half */
	bool ended; /* theirs */
	uint64_t seed;
	uint64_t received;
	uint64_t sent;
	uint64_t to_send;
	struct buf answer; /* of a sink */
};

/* The bytes that both sides can work out: no two seeds and no two places look alike. */
static uint8_t byte_at(uint64_t seed, uint64_t at)
{
	return (uint8_t)(((uint32_t)(at + seed * 7919u) * 2654435761u) >> 24);
}

static bool matches(uint64_t seed, uint64_t at, struct slice data)
{
	for (size_t i = 0; i < data.len; i++)
		if ((uint8_t)data.ptr[i] != byte_at(seed, at + i))
			return false;
	return true;
}

static bool write_text(struct stream *s, const char *text)
{
	struct slice part = slice_from_str(text);

	return stream_write(s, &part, 1);
}

/* ---- the end of a stream ---- */

static void report_opened(const struct peer *p)
{
	printf("{\"opened\":%u,\"good\":%u}\n", p->to_open, p->good);
	fflush(stdout);
}

/* Streams may fail only after their session. */
static void stop_if_over(const struct peer *p)
{
	if (!p->how || p->jobs > 0)
		return;
	printf("{\"end\":\"%s\",\"fault\":\"%s\",\"served\":%u,\"served_failed\":%u,"
	       "\"go_away\":%s,\"pings\":%u}\n",
		p->how, p->fault, p->served, p->served_failed, p->go_away ? "true" : "false",
		p->pings);
	fflush(stdout);
	loop_stop(p->loop);
}

static void job_free(struct job *j, bool good)
{
	struct peer *p = j->peer;

	if (!j->ours) {
		p->served++;
		p->served_failed += !good;
	} else {
		p->good += good;
		if (--p->open_left == 0)
			report_opened(p);
	}
	buf_release(&j->line);
	buf_release(&j->answer);
	mem_free(j);
	p->jobs--;
	stop_if_over(p);
}

static void finish(struct job *j)
{
	if (!j->finished)
		stream_shutdown(j->stream);
	j->finished = true;
}

/* Whether what came is what had to come. */
static bool is_good(const struct job *j)
{
	char want[48];

	if (j->bad)
		return false;
	switch (j->kind) {
	case KIND_SINK:
		snprintf(want, sizeof want, "%" PRIu64 " ok\n", j->to_send);
		return !j->ours || slice_eq(buf_slice(&j->answer), slice_from_str(want));
	case KIND_SOURCE:
	case KIND_ECHO:
		return !j->ours || j->received == j->peer->bytes;
	case KIND_RESET:
		return !j->ours;
	case KIND_NONE:
	case KIND_HOLD:
	case KIND_GOAWAY:
		return true;
	}
	return false;
}

static void close_if_over(struct job *j)
{
	if (!j->ended || !j->finished)
		return;
	stream_close(&j->stream);
	job_free(j, is_good(j));
}

/* ---- sending ---- */

/* As much as the stream takes. */
static void pump(struct job *j)
{
	char piece[PIECE];
	bool room = true;

	while (room && j->sent < j->to_send) {
		uint64_t left = j->to_send - j->sent;
		struct slice part = slice_of(piece, left < PIECE ? (size_t)left : PIECE);
		for (size_t i = 0; i < part.len; i++)
			piece[i] = (char)byte_at(j->seed, j->sent + i);
		j->sent += part.len;
		room = stream_write(j->stream, &part, 1);
	}
	if (j->sent == j->to_send)
		finish(j);
}

static bool sends(const struct job *j)
{
	return j->ours ? j->kind == KIND_ECHO || j->kind == KIND_SINK : j->kind == KIND_SOURCE;
}

/* ---- what the accepting side does ---- */

static enum kind kind_of(struct slice word)
{
	for (size_t i = 1; i < KIND_COUNT; i++)
		if (slice_eq(word, slice_from_str(kind_names[i])))
			return (enum kind)i;
	return KIND_NONE;
}

/* The job is gone when it was to be reset. */
static bool begin_service(struct job *j)
{
	char text[LINE_MAX_BYTES + 1], word[LINE_MAX_BYTES + 1] = "";

	slice_to_str(buf_slice(&j->line), text, sizeof text);
	if (sscanf(text, "%80s %" SCNu64 " %" SCNu64, word, &j->seed, &j->to_send) < 1)
		word[0] = '\0';
	j->kind = kind_of(slice_from_str(word));
	switch (j->kind) {
	case KIND_SOURCE:
		pump(j);
		break;
	case KIND_HOLD:
		stream_read_stop(j->stream);
		break;
	case KIND_GOAWAY:
		session_go_away(j->peer->session);
		write_text(j->stream, "ok\n");
		finish(j);
		break;
	case KIND_NONE:
	case KIND_RESET:
		stream_abort(&j->stream);
		job_free(j, j->kind == KIND_RESET);
		return false;
	case KIND_ECHO:
	case KIND_SINK:
		break;
	}
	return true;
}

static void serve_data(struct job *j, struct slice data)
{
	if (j->kind == KIND_ECHO && data.len > 0 && !stream_write(j->stream, &data, 1))
		stream_read_stop(j->stream);
	if (j->kind == KIND_SINK && !matches(j->seed, j->received, data))
		j->bad = true;
	j->received += data.len;
}

static void receive_service(struct job *j, struct slice data)
{
	if (j->kind == KIND_NONE) {
		size_t end = slice_find(data, '\n');
		struct slice line = slice_first(data, end);
		if (buf_len(&j->line) + line.len > LINE_MAX_BYTES) {
			stream_abort(&j->stream);
			job_free(j, false);
			return;
		}
		buf_append_slice(&j->line, line);
		if (end == data.len)
			return;
		data = slice_from(data, end + 1);
		if (!begin_service(j))
			return;
	}
	serve_data(j, data);
	close_if_over(j);
}

static void end_service(struct job *j)
{
	char text[48];

	if (j->kind == KIND_SINK) {
		snprintf(text, sizeof text, j->bad ? "bad\n" : "%" PRIu64 " ok\n", j->received);
		write_text(j->stream, text);
	}
	if (j->kind != KIND_SOURCE)
		finish(j);
}

/* ---- what the opening side does ---- */

static void receive_ours(struct job *j, struct slice data)
{
	if (j->kind == KIND_SINK) {
		if (buf_len(&j->answer) + data.len < LINE_MAX_BYTES)
			buf_append_slice(&j->answer, data);
	} else if (!matches(j->seed, j->received, data)) {
		j->bad = true;
	}
	j->received += data.len;
}

/* ---- events of a stream ---- */

static void on_data(void *ctx, struct slice data)
{
	struct job *j = ctx;

	if (j->ours)
		receive_ours(j, data);
	else
		receive_service(j, data);
}

static void on_drained(void *ctx)
{
	struct job *j = ctx;

	if (sends(j))
		pump(j);
	else if (j->kind == KIND_ECHO)
		stream_read_start(j->stream);
	close_if_over(j);
}

static void on_ended(void *ctx)
{
	struct job *j = ctx;

	j->ended = true;
	if (!j->ours)
		end_service(j);
	else if (j->kind == KIND_SOURCE)
		finish(j);
	close_if_over(j);
}

static void on_failed(void *ctx, int err)
{
	struct job *j = ctx;

	stream_close(&j->stream);
	job_free(j, j->ours && j->kind == KIND_RESET);
}

static const struct stream_events stream_events = {
	.data = on_data, .drained = on_drained, .ended = on_ended, .failed = on_failed};

static struct job *job_new(struct peer *p, struct stream *stream)
{
	struct job *j = MEM_NEW(struct job);

	p->jobs++;
	j->peer = p;
	j->stream = stream;
	buf_init(&j->line);
	buf_init(&j->answer);
	stream_listen(stream, &stream_events, j);
	stream_read_start(stream);
	return j;
}

static void open_one(struct peer *p, unsigned number)
{
	struct stream *stream = session_open(p->session);
	char line[LINE_MAX_BYTES];
	struct job *j;

	CHECK(stream);
	j = job_new(p, stream);
	j->ours = true;
	j->kind = p->open_kind;
	j->seed = number;
	snprintf(line, sizeof line, "%s %u %" PRIu64 "\n", kind_names[j->kind], number, p->bytes);
	write_text(stream, line);
	if (sends(j)) {
		j->to_send = p->bytes;
		pump(j);
	}
}

/* ---- events of the session ---- */

static void on_opened(void *ctx, struct stream *stream)
{
	job_new(ctx, stream);
}

static void end(struct peer *p, const char *how)
{
	p->how = how;
	p->fault = session_fault_text(session_fault(p->session));
	session_free(&p->session);
	stop_if_over(p);
}

static void on_lost(void *ctx, int err)
{
	end(ctx, "lost");
}

static void on_broken(void *ctx)
{
	end(ctx, "broken");
}

static void on_go_away(void *ctx)
{
	((struct peer *)ctx)->go_away = true;
}

static void on_measured(void *ctx, uint64_t rtt_us)
{
	((struct peer *)ctx)->pings++;
}

static const struct session_events session_events = {.opened = on_opened,
	.lost = on_lost,
	.broken = on_broken,
	.go_away = on_go_away,
	.measured = on_measured};

static void on_accepted(void *ctx, struct stream *stream, const struct addr *from)
{
	struct peer *p = ctx;

	if (p->session || p->how) {
		stream_abort(&stream);
		return;
	}
	p->session = session_new(p->loop, &p->conf, &p->supplies, &session_events, p);
	session_start(p->session, &stream, slice_of(NULL, 0));
	session_agree(p->session, false, 0); /* as with any peer that never says hello */
	p->open_left = p->to_open;
	for (unsigned i = 0; i < p->to_open; i++)
		open_one(p, i);
}

static void on_paused(void *ctx)
{
}

static const struct listener_events listener_events = {
	.accepted = on_accepted, .paused = on_paused};

/* ---- the program ---- */

static void listen_anywhere(struct peer *p)
{
	struct addr addr;

	CHECK(addr_parse("127.0.0.1", 0, &addr) == 0);
	CHECK(listener_open(p->loop, &addr, false, &p->listener) == 0);
	printf("{\"port\":%u}\n", (unsigned)listener_port(p->listener));
	fflush(stdout);
	listener_start(p->listener, &listener_events, p, p->retry);
}

static void run(struct peer *p)
{
	struct timeout_queue **queues[] = {&p->supplies.heartbeat, &p->supplies.silence,
		&p->supplies.probe, &p->supplies.tick, &p->retry};
	static const uint64_t durations[] = {200, 20000, 1000, 25, 100};
	const size_t count = sizeof queues / sizeof queues[0];

	p->loop = loop_new();
	for (size_t i = 0; i < count; i++)
		*queues[i] = timeout_queue_new(p->loop, durations[i]);
	listen_anywhere(p);
	loop_run(p->loop);
	listener_close(&p->listener);
	for (size_t i = 0; i < count; i++)
		timeout_queue_free(queues[i]);
	loop_free(&p->loop);
}

int main(int argc, char **argv)
{
	struct peer p = {.conf = {.role = MUX_SERVER,
				 .max_streams = 1024,
				 .window_max = 16u << 20,
				 .window_budget = 64u << 20,
				 .tail_max = 1u << 20}};

	signal(SIGPIPE, SIG_IGN);
	if (argc != 2 && argc != 5) {
		fputs("usage: mux_peer client|server [KIND COUNT BYTES]\n", stderr);
		return 2;
	}
	if (strcmp(argv[1], "client") == 0)
		p.conf.role = MUX_CLIENT;
	if (argc == 5) {
		p.open_kind = kind_of(slice_from_str(argv[2]));
		p.to_open = (unsigned)strtoul(argv[3], NULL, 10);
		p.bytes = strtoull(argv[4], NULL, 10);
	}
	run(&p);
	return 0;
}
