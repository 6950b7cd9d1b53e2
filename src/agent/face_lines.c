/* Lines go to a bounded queue with a thread of its own, so that a reader that stalls stops nothing;
 * what does not fit is dropped and counted. */
#include "agent/face_lines.h"

#include "agent/lines.h"
#include "agent/report.h"
#include "base/log_sink.h"
#include "base/mem.h"
#include "io/loop.h"

struct face_lines {
	struct face face;
	struct log_sink *sink; /* owned */
	struct buf line;
	bool json;
	bool quiet;
};

static void face_lines_on_dropped(void *ctx, struct buf *out, uint64_t dropped)
{
	const struct face_lines *f = ctx;
	struct report r = {.kind = REPORT_WARNING,
		.wall_ms = loop_wall_ms(),
		.code = SLICE("output-dropped"),
		.lines = dropped};
	struct buf message = {0};

	buf_printf(&message, "%llu lines were dropped: the output was not read",
		(unsigned long long)dropped);
	r.message = buf_slice(&message);
	if (f->json)
		lines_json(out, &r);
	else
		lines_plain(out, &r);
	buf_release(&message);
}

static void face_lines_report(struct face *face, const struct report *r)
{
	struct face_lines *f = CONTAINER_OF(face, struct face_lines, face);

	if (f->quiet && r->kind == REPORT_REQUEST)
		return;
	buf_clear(&f->line);
	if (f->json)
		lines_json(&f->line, r);
	else
		lines_plain(&f->line, r);
	if (buf_len(&f->line))
		log_sink_put(f->sink, buf_slice(&f->line), 1);
}

static void face_lines_stopping(struct face *face)
{
	/* The reports say it all. */
}

static void face_lines_free(struct face *face)
{
	struct face_lines *f = CONTAINER_OF(face, struct face_lines, face);

	log_sink_free(&f->sink);
	buf_release(&f->line);
	mem_free(f);
}

static const struct face_ops face_lines_ops = {
	.report = face_lines_report,
	.stopping = face_lines_stopping,
	.free = face_lines_free,
};

struct face *face_lines_new(int fd, bool json, const struct face_conf *conf)
{
	struct face_lines *f = MEM_NEW(struct face_lines);

	f->face.ops = &face_lines_ops;
	f->json = json;
	f->quiet = conf->quiet;
	f->sink = log_sink_new(fd, face_lines_on_dropped, f);
	if (!f->sink) {
		mem_free(f);
		return NULL;
	}
	return &f->face;
}
