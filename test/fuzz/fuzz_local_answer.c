/*
 * What a local service says, whole and in pieces: the visitor gets a part of just those bytes, and
 * whether the answer is one does not depend on how it was cut. The first two bytes of the input
 * choose the request, whether the service is told another Host, and the size of the pieces.
 */
#include "agent/local.h"

#include "agent/local_pool.h"
#include "agent/local_priv.h"
#include "base/check.h"
#include "base/mem.h"
#include "io/stream_tcp.h"
#include "support/loop_turn.h"
#include "support/stream_mem.h"
#include "support/tcp_pair.h"

#define LINE "1 203.0.113.9 51234 198.51.100.1 443 http 4f2a\n"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum outcome { OUTCOME_WHOLE, OUTCOME_FAILED, OUTCOME_PIPED };

struct run {
	bool renames; /* the service is told another Host: its own name is replaced in Location */
	struct stream_mem visitor, service;
	unsigned failed;
	enum outcome outcome;
	bool kept;
};

static struct loop *loop;
static struct stream *quiet; /* what the kernel is asked about instead of the service's stream */

static const char *const requests[] = {
	LINE "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
	LINE "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n",
	LINE "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
	LINE "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\na",
};

static void on_failed(void *session, uint32_t id, struct slice code, struct slice message)
{
	struct run *run = session;

	CHECK(code.len && message.len);
	run->failed++;
}

static uint32_t on_stream_id(const struct stream *stream)
{
	return 2;
}

static void on_report(void *ctx, const struct report *r)
{
	CHECK(r->kind == REPORT_REQUEST || r->kind == REPORT_REQUEST_OPENED ||
		(r->kind == REPORT_WARNING && slice_eq(r->code, SLICE("host-refused"))));
}

static void set_up(void)
{
	int fds[2];

	loop = loop_new();
	tcp_pair_open(fds);
	CHECK(stream_tcp_adopt(loop, fds[0], &quiet) == 0);
}

static struct local *start(struct run *run)
{
	const struct local_conf conf = {.connect_ms = 1000, .max_streams = 1};
	const struct local_events events = {
		.failed = on_failed, .stream_id = on_stream_id, .report = on_report};
	struct tunnel_spec spec = {
		.label = (char *)"web", .target = {.host = (char *)"127.0.0.1", .port = 1}};
	struct local *l = local_new(loop, &conf, &events);
	struct stream *service = &run->service.base;
	struct buf message = {0};
	struct local_tunnel *t;
	struct local_conn *conn;
	uint32_t number = 1;

	if (run->renames)
		spec.host_header = (char *)"b";
	CHECK(local_add(l, number, &spec, &message) == 0);
	stream_mem_init(&run->service);
	stream_read_start(service);
	conn = local_conn_new(&service, quiet);
	t = map_get(&l->tunnels, slice_of(&number, sizeof(number)));
	local_pool_put(t, &conn);
	t->keeps = true; /* so that requests with a body take it as well */
	return l;
}

static void speak(struct run *run, struct slice text, size_t piece)
{
	while (text.len && run->service.reading && !run->visitor.closed) {
		char *bytes = mem_dup(text.ptr, piece < text.len ? piece : text.len);
		size_t len = piece < text.len ? piece : text.len;

		stream_mem_feed(&run->service, slice_of(bytes, len));
		mem_free(bytes);
		text = slice_from(text, len);
	}
}

static void visit(struct run *run, const char *request, struct slice text, size_t piece)
{
	struct local *l = start(run);
	struct stream *stream = &run->visitor.base;
	bool silent = !text.len;

	stream_mem_init(&run->visitor);
	local_serve(l, run, &stream);
	stream_mem_feed(&run->visitor, slice_from_str(request));
	CHECK(buf_len(&run->service.out));
	speak(run, text, piece);
	run->kept = run->visitor.closed && !run->service.closed;
	if (run->service.reading && !run->kept)
		stream_mem_end(&run->service);
	if (run->failed || silent)
		run->outcome = OUTCOME_FAILED;
	else
		run->outcome = run->visitor.closed ? OUTCOME_WHOLE : OUTCOME_PIPED;
	CHECK(run->failed <= 1 && run->failed == (run->visitor.closed && run->visitor.aborted));
	CHECK(run->outcome != OUTCOME_WHOLE || run->visitor.shut);
	local_free(&l);
	CHECK(run->service.closed && run->visitor.closed);
	loop_turn(loop);
}

static void check(const struct run *run, struct slice text)
{
	struct slice out = buf_slice(&run->visitor.out);

	if (run->renames)
		return;
	CHECK(out.len <= text.len && slice_eq(out, slice_first(text, out.len)));
	CHECK(!run->kept || out.len == text.len || run->outcome == OUTCOME_WHOLE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct run whole = {.failed = 0}, pieces = {.failed = 0};
	struct slice text;
	const char *request;

	if (size < 2)
		return 0;
	if (!loop)
		set_up();
	request = requests[data[0] % ARRAY_LEN(requests)];
	whole.renames = pieces.renames = data[0] & 0x80;
	text = slice_of(data + 2, size - 2);
	visit(&whole, request, text, text.len);
	visit(&pieces, request, text, 1 + data[1] % 16);
	check(&whole, text);
	check(&pieces, text);
	CHECK(whole.outcome == pieces.outcome);
	CHECK(whole.outcome == OUTCOME_FAILED ||
		slice_eq(buf_slice(&whole.visitor.out), buf_slice(&pieces.visitor.out)));
	stream_mem_deinit(&whole.visitor);
	stream_mem_deinit(&whole.service);
	stream_mem_deinit(&pieces.visitor);
	stream_mem_deinit(&pieces.service);
	return 0;
}
