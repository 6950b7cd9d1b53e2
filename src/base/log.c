/* Levels and the shape of a line; log_text escapes the values, log_sink writes the lines. */
#include "base/log.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/log_sink.h"
#include "base/log_text.h"
#include "base/mem.h"
#include "base/num.h"

#define LOG_HEAD_ROOM (128 + LOG_TEXT_ROOM) /* time, level, message, braces, colours */
#define LOG_FIELD_ROOM 8 /* what stands around a name */

struct log_shape {
	enum log_format format;
	bool is_coloured;
};

struct log {
	struct log_sink *sink; /* owned */
	_Atomic int level;
	struct log_shape shape;
};

static const struct log_level_text {
	struct slice name;
	struct slice padded;
	struct slice coloured;
} log_levels[] = {
	[LOG_ERROR] = {SLICE("error"), SLICE(" error "), SLICE(" \033[31merror\033[0m ")},
	[LOG_WARN] = {SLICE("warn"), SLICE(" warn  "), SLICE(" \033[33mwarn\033[0m  ")},
	[LOG_INFO] = {SLICE("info"), SLICE(" info  "), SLICE(" \033[32minfo\033[0m  ")},
	[LOG_DEBUG] = {SLICE("debug"), SLICE(" debug "), SLICE(" \033[2mdebug\033[0m ")},
};

static char *log_put(char *out, struct slice s)
{
	memcpy(out, s.ptr, s.len);
	return out + s.len;
}

static char *log_put_number(char *out, int64_t number)
{
	uint64_t size = (uint64_t)number;

	if (number < 0) {
		*out++ = '-';
		size = -size;
	}
	return out + num_print_u64(size, out);
}

static char *log_put_json(char *out, const struct log_record *record)
{
	struct log_text_clock clock = {0};

	out = log_put(out, SLICE("{\"time\":\""));
	out = log_text_time_utc(&clock, out, record->wall_ms);
	out = log_put(out, SLICE("\",\"level\":\""));
	out = log_put(out, log_levels[record->level].name);
	out = log_put(out, SLICE("\",\"msg\":"));
	out = log_text_json(out, slice_from_str(record->message));
	for (size_t i = 0; i < record->count; i++) {
		const struct log_field *field = &record->fields[i];

		out = log_put(out, SLICE(",\""));
		out = log_put(out, slice_from_str(field->name));
		out = log_put(out, SLICE("\":"));
		if (field->kind == LOG_KIND_STR)
			out = log_text_json(out, field->text);
		else
			out = log_put_number(out, field->number);
	}
	return log_put(out, SLICE("}\n"));
}

static char *log_put_plain(char *out, const struct log_record *record, bool is_coloured)
{
	const struct log_level_text *level = &log_levels[record->level];
	struct log_text_clock clock = {0};

	out = log_text_time_local(&clock, out, record->wall_ms);
	out = log_put(out, is_coloured ? level->coloured : level->padded);
	out = log_text_bare(out, slice_from_str(record->message));
	for (size_t i = 0; i < record->count; i++) {
		const struct log_field *field = &record->fields[i];

		out = log_put(out, i ? SLICE(" ") : SLICE("  "));
		out = log_put(out, slice_from_str(field->name));
		*out++ = '=';
		if (field->kind == LOG_KIND_STR)
			out = log_text_plain(out, field->text);
		else
			out = log_put_number(out, field->number);
	}
	return log_put(out, SLICE("\n"));
}

static void log_format_record(
	struct buf *out, struct log_shape shape, const struct log_record *record)
{
	size_t room = LOG_HEAD_ROOM;
	char *start, *end;

	for (size_t i = 0; i < record->count; i++)
		room += strlen(record->fields[i].name) + LOG_FIELD_ROOM +
			(record->fields[i].kind == LOG_KIND_STR ? LOG_TEXT_ROOM : NUM_TEXT_MAX);
	start = buf_reserve(out, room);
	if (shape.format == LOG_FORMAT_TEXT)
		end = log_put_plain(start, record, shape.is_coloured);
	else
		end = log_put_json(start, record);
	buf_commit(out, (size_t)(end - start));
}

static void log_put_line(struct log *log, const struct log_record *record)
{
	struct buf line;

	buf_init(&line);
	log_format_record(&line, log->shape, record);
	log_sink_put(log->sink, buf_slice(&line), 1);
	buf_release(&line);
}

static uint64_t log_wall_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void log_on_dropped(void *ctx, struct buf *out, uint64_t dropped)
{
	const struct log *log = ctx;
	struct log_field count = LOG_INT("count", dropped);

	log_format_record(out, log->shape,
		&(struct log_record) {LOG_WARN, log_wall_ms(), "log lines dropped", &count, 1});
}

static struct log_shape log_shape_for(int fd, enum log_format wanted)
{
	const char *no_colour = getenv("NO_COLOR");
	bool is_terminal = isatty(fd);
	struct log_shape shape = {wanted, is_terminal && !(no_colour && *no_colour)};

	if (wanted == LOG_FORMAT_AUTO)
		shape.format = is_terminal ? LOG_FORMAT_TEXT : LOG_FORMAT_JSON;
	return shape;
}

struct log *log_new(int fd, enum log_level level, enum log_format format)
{
	struct log *log = MEM_NEW(struct log);

	log->shape = log_shape_for(fd, format);
	log_set_level(log, level);
	log->sink = log_sink_new(fd, log_on_dropped, log);
	if (log->sink)
		return log;
	mem_free(log);
	return NULL;
}

void log_free(struct log **log)
{
	struct log *ended = *log;

	if (!ended)
		return;
	*log = NULL;
	log_sink_free(&ended->sink);
	mem_free(ended);
}

void log_set_level(struct log *log, enum log_level level)
{
	if (log)
		atomic_store_explicit(&log->level, (int)level, memory_order_relaxed);
}

bool log_wants(const struct log *log, enum log_level level)
{
	return log && (int)level <= atomic_load_explicit(&log->level, memory_order_relaxed);
}

uint64_t log_dropped(const struct log *log)
{
	return log ? log_sink_dropped(log->sink) : 0;
}

void log_format_line(struct buf *out, enum log_format format, const struct log_record *record)
{
	log_format_record(out, (struct log_shape) {format, false}, record);
}

void log_line(struct log *log, enum log_level level, const char *message,
	const struct log_field *fields, size_t count)
{
	if (log_wants(log, level))
		log_put_line(
			log, &(struct log_record) {level, log_wall_ms(), message, fields, count});
}

void log_put_lines(struct log *log, struct buf *lines, uint64_t line_count)
{
	if (log && buf_len(lines))
		log_sink_put(log->sink, buf_slice(lines), line_count);
	buf_clear(lines);
}

enum log_format log_get_format(const struct log *log)
{
	return log ? log->shape.format : LOG_FORMAT_JSON;
}
