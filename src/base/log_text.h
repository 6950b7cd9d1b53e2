/*
 * The pieces that log lines are made of: time stamps, and values escaped so that no byte of a peer
 * can end a line, open a field or reach a terminal. Used by log.c and by whoever builds lines
 * where log_line is too slow. All functions write at out, which has the room that is named, and
 * return the end. Pure, but for the time zone of log_text_time_local.
 */
#ifndef BASE_LOG_TEXT_H
#define BASE_LOG_TEXT_H

#include <stdint.h>

#include "base/slice.h"

/* Bytes of a value that are shown; an ellipsis says that there were more. */
#define LOG_TEXT_CUT 512u
#define LOG_TEXT_ROOM (LOG_TEXT_CUT * 6 + 5) /* \u001b is the longest escape; quotes, ellipsis */
#define LOG_TEXT_TIME_ROOM 32u

/* The text of the last second seen. Starts as zeroes; serves one kind of time only. */
struct log_text_clock {
	uint64_t second;
	size_t len;
	char text[LOG_TEXT_TIME_ROOM];
};

/* A JSON string with its quotes. Invalid UTF-8 becomes \ufffd. Room: LOG_TEXT_ROOM. */
char *log_text_json(char *out, struct slice value);
/* For terminals: quoted only when empty, blank or escaped. Invalid UTF-8 becomes \xNN. */
char *log_text_plain(char *out, struct slice value);
/* The same, never quoted: for sentences. */
char *log_text_bare(char *out, struct slice value);
/* 2026-11-20T10:00:00.123Z. Room: LOG_TEXT_TIME_ROOM. */
char *log_text_time_utc(struct log_text_clock *clock, char *out, uint64_t wall_ms);
/* 10:00:00.123 */
char *log_text_time_local(struct log_text_clock *clock, char *out, uint64_t wall_ms);

#endif
