/* One rig for all tests of the local side. */
#include "local_rig.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"

#define RIG_SETTLE_TURNS 8

static void rig_on_failed(void *session, uint32_t id, struct slice code, struct slice message)
{
	struct rig *rig = session;

	rig->failed++;
	rig->failed_session = session;
	rig->failed_id = id;
	slice_to_str(code, rig->code, sizeof(rig->code));
	slice_to_str(message, rig->message, sizeof(rig->message));
}

static uint32_t rig_on_stream_id(const struct stream *stream)
{
	CHECK(!CONTAINER_OF(stream, struct stream_mem, base)->closed);
	return 42;
}

static void rig_on_report(void *ctx, const struct report *r)
{
	struct rig *rig = ctx;
	struct rig_report *to = &rig->report;

	if (r->kind == REPORT_REQUEST_OPENED) {
		rig->opened++;
		return;
	}
	assert_int_equal(r->kind, REPORT_REQUEST);
	rig->requests++;
	*to = (struct rig_report) {r->status, r->tcp, r->upgraded, r->reused, r->bytes_in,
		r->bytes_out, r->duration_us, r->first_byte_us, "", "", "", "", "", "", ""};
	slice_to_str(r->tunnel, to->tunnel, sizeof(to->tunnel));
	slice_to_str(r->target, to->target, sizeof(to->target));
	slice_to_str(r->visitor, to->visitor, sizeof(to->visitor));
	slice_to_str(r->method, to->method, sizeof(to->method));
	slice_to_str(r->path, to->path, sizeof(to->path));
	slice_to_str(r->request_id, to->id, sizeof(to->id));
	slice_to_str(r->code, to->code, sizeof(to->code));
}

static void rig_listen(struct rig *rig)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(at);

	rig->listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	CHECK(rig->listening >= 0);
	CHECK(bind(rig->listening, (struct sockaddr *)&at, sizeof(at)) == 0);
	CHECK(listen(rig->listening, 128) == 0);
	CHECK(getsockname(rig->listening, (struct sockaddr *)&at, &len) == 0);
	rig->port = ntohs(at.sin_port);
}

void rig_init(struct rig *rig, const struct local_conf *conf)
{
	const struct local_conf usual = {.connect_ms = 60000, .max_streams = 100};
	const struct local_events events = {.failed = rig_on_failed,
		.stream_id = rig_on_stream_id,
		.report = rig_on_report,
		.report_ctx = rig};

	*rig = (struct rig) {.loop = loop_new()};
	rig_listen(rig);
	rig->local = local_new(rig->loop, conf ? conf : &usual, &events);
	rig_set(rig, &(struct tunnel_spec) {.proto = TUNNEL_HTTP});
}

void rig_deinit(struct rig *rig)
{
	local_free(&rig->local);
	loop_free(&rig->loop);
	rig_stop_listening(rig);
}

void rig_set(struct rig *rig, const struct tunnel_spec *options)
{
	struct tunnel_spec spec = *options;
	struct buf message = {0};

	spec.label = (char *)"web";
	if (!spec.target.host && !spec.target.path)
		spec.target.host = (char *)"127.0.0.1";
	if (!spec.target.port)
		spec.target.port = rig->port;
	if (local_add(rig->local, RIG_TUNNEL, &spec, &message) != 0)
		fail_msg("%.*s", SLICE_ARG(buf_slice(&message)));
}

void rig_stop_listening(struct rig *rig)
{
	if (rig->listening >= 0)
		close(rig->listening);
	rig->listening = -1;
}

void rig_visit(struct rig *rig, struct stream_mem *visitor, const char *text)
{
	struct stream *stream = &visitor->base;

	stream_mem_init(visitor);
	local_serve(rig->local, rig, &stream);
	assert_null(stream);
	if (*text)
		stream_mem_feed(visitor, slice_from_str(text));
}

static int rig_try_accept(struct rig *rig)
{
	int fd = accept4(rig->listening, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	CHECK(fd >= 0 || errno == EAGAIN);
	return fd;
}

int rig_accept(struct rig *rig)
{
	int fd;

	while ((fd = rig_try_accept(rig)) < 0)
		loop_turn(rig->loop);
	return fd;
}

bool rig_has_connection(struct rig *rig)
{
	int fd;

	rig_settle(rig);
	fd = rig_try_accept(rig);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

void rig_settle(struct rig *rig)
{
	for (int i = 0; i < RIG_SETTLE_TURNS; i++)
		loop_turn(rig->loop);
}

void rig_expect_slice(struct rig *rig, int fd, struct slice text)
{
	struct buf got = {0};

	while (buf_len(&got) < text.len) {
		if (tcp_pair_receive(fd, &got) != TCP_PAIR_OPEN && buf_len(&got) < text.len)
			fail_msg("ended behind \"%.*s\"", SLICE_ARG(buf_slice(&got)));
		loop_turn(rig->loop);
	}
	if (!slice_eq(buf_slice(&got), text))
		fail_msg("got \"%.*s\"", SLICE_ARG(buf_slice(&got)));
	buf_release(&got);
}

void rig_expect(struct rig *rig, int fd, const char *text)
{
	rig_expect_slice(rig, fd, slice_from_str(text));
}

enum tcp_pair_end rig_expect_end(struct rig *rig, int fd)
{
	struct buf got = {0};
	enum tcp_pair_end end;

	while ((end = tcp_pair_receive(fd, &got)) == TCP_PAIR_OPEN)
		loop_turn(rig->loop);
	assert_int_equal(buf_len(&got), 0);
	buf_release(&got);
	close(fd);
	return end;
}

void rig_expect_visitor(struct rig *rig, const struct stream_mem *visitor, const char *text)
{
	LOOP_TURN_UNTIL(rig->loop, buf_len(&visitor->out) >= strlen(text) || visitor->aborted);
	if (!slice_eq(buf_slice(&visitor->out), slice_from_str(text)))
		fail_msg("got \"%.*s\"", SLICE_ARG(buf_slice(&visitor->out)));
}

void rig_expect_whole(struct rig *rig, const struct stream_mem *visitor, const char *text)
{
	rig_expect_visitor(rig, visitor, text);
	LOOP_TURN_UNTIL(rig->loop, visitor->closed);
	assert_true(visitor->shut);
	assert_false(visitor->aborted);
	assert_int_equal(rig->failed, 0);
}

void rig_expect_failed(struct rig *rig, const struct stream_mem *visitor, const char *code,
	const char *message_part)
{
	LOOP_TURN_UNTIL(rig->loop, visitor->closed);
	assert_true(visitor->aborted);
	assert_int_equal(rig->failed, 1);
	assert_ptr_equal(rig->failed_session, rig);
	assert_int_equal(rig->failed_id, 42);
	assert_string_equal(rig->code, code);
	if (!strstr(rig->message, message_part))
		fail_msg("got \"%s\"", rig->message);
	rig->failed = 0;
}

void rig_send(int fd, const char *text)
{
	tcp_pair_send(fd, slice_from_str(text));
}
