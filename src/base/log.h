/*
 * Log lines: a level, a sentence, and named values. Human text on a terminal, JSON lines
 * otherwise. Callers never block: lines go to a bounded queue that a thread of the sink writes
 * out; what does not fit is dropped and counted.
 *
 *     log_info(log, "tunnel up", LOG_STR("tunnel", name), LOG_INT("port", port));
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/slice.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };
enum log_format { LOG_FORMAT_AUTO, LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

enum log_kind { LOG_KIND_STR, LOG_KIND_INT };
struct log_field {
	const char *name;
	enum log_kind kind;
	struct slice text; /* borrowed */
	int64_t number;
};
#define LOG_STR(name, slice) ((struct log_field) {name, LOG_KIND_STR, slice, 0})
#define LOG_INT(name, value) ((struct log_field) {name, LOG_KIND_INT, {NULL, 0}, (int64_t)(value)})

/* What one line says. */
struct log_record {
	enum log_level level;
	uint64_t wall_ms; /* UTC since 1970 */
	const char *message;
	const struct log_field *fields; /* borrowed */
	size_t count;
};

struct log; /* one a process, shared by all threads */

/*
 * Starts the writing thread. The descriptor stays the caller's. AUTO looks whether it is a
 * terminal. NULL when the system gives no thread. A NULL log takes every call and says nothing.
 */
struct log *log_new(int fd, enum log_level level, enum log_format format);
/* Writes what is queued and ends the thread. A descriptor that takes nothing more is given up
 * after some seconds. No other thread may use the log any more. */
void log_free(struct log **log);
void log_set_level(struct log *log, enum log_level level);
bool log_wants(const struct log *log, enum log_level level);
/* How many lines were dropped because the writer could not keep up or could not write. */
uint64_t log_dropped(const struct log *log);

/* Formats a line at the end of out, with its line end; pure. */
void log_format_line(struct buf *out, enum log_format format, const struct log_record *record);
/* Puts one line on the queue; most callers use the macros below. */
void log_line(struct log *log, enum log_level level, const char *message,
	const struct log_field *fields, size_t count);
/* Hands over many formatted lines at once (access lines gathered by a worker); empties them. */
void log_put_lines(struct log *log, struct buf *lines, uint64_t line_count);
/* TEXT or JSON, once AUTO has been resolved. */
enum log_format log_get_format(const struct log *log);

#define LOG_FIELDS(...)                                                                            \
	(const struct log_field[]) {__VA_ARGS__},                                                  \
		sizeof((const struct log_field[]) {__VA_ARGS__}) / sizeof(struct log_field)
#define log_error(log, message, ...) log_line(log, LOG_ERROR, message, LOG_FIELDS(__VA_ARGS__))
#define log_warn(log, message, ...) log_line(log, LOG_WARN, message, LOG_FIELDS(__VA_ARGS__))
#define log_info(log, message, ...) log_line(log, LOG_INFO, message, LOG_FIELDS(__VA_ARGS__))
/* Costs one comparison when debug lines are off: the fields are not evaluated. */
#define log_debug(log, message, ...)                                                               \
	do {                                                                                       \
		if (log_wants(log, LOG_DEBUG))                                                     \
			log_line(log, LOG_DEBUG, message, LOG_FIELDS(__VA_ARGS__));                \
	} while (0)

#endif
