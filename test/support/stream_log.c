/* One recorder for all tests of streams. */
#include "support/stream_log.h"

static void stream_log_next(struct stream_log *log)
{
	if (log->then)
		log->then(log);
}

static void stream_log_on_data(void *ctx, struct slice data)
{
	struct stream_log *log = ctx;

	buf_append_slice(&log->data, data);
	log->placed += data.ptr == log->place.ptr;
	log->data_count++;
	stream_log_next(log);
}

static void stream_log_on_drained(void *ctx)
{
	struct stream_log *log = ctx;

	log->drained++;
	stream_log_next(log);
}

static void stream_log_on_ended(void *ctx)
{
	struct stream_log *log = ctx;

	log->ended++;
	stream_log_next(log);
}

static void stream_log_on_failed(void *ctx, int err)
{
	struct stream_log *log = ctx;

	log->failed++;
	log->err = err;
	stream_log_next(log);
}

static bool stream_log_on_place(void *ctx, struct slice *room)
{
	struct stream_log *log = ctx;

	log->asked++;
	*room = log->place;
	return log->place.ptr != NULL;
}

static const struct stream_events stream_log_events = {
	.data = stream_log_on_data,
	.drained = stream_log_on_drained,
	.ended = stream_log_on_ended,
	.failed = stream_log_on_failed,
	.place = stream_log_on_place,
};

void stream_log_init(struct stream_log *log, struct stream *stream)
{
	*log = (struct stream_log) {.stream = stream};
	stream_listen(stream, &stream_log_events, log);
}

void stream_log_deinit(struct stream_log *log)
{
	stream_close(&log->stream);
	buf_release(&log->data);
}
