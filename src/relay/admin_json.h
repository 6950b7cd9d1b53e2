/*
 * JSON of the admin API, both ways: bodies of requests against a table of their members, answers
 * as a tree to read, and a writer. The writer is plain text; reading is jansson's. Pure.
 */
#ifndef RELAY_ADMIN_JSON_H
#define RELAY_ADMIN_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/slice.h"

/* ---- reading a body ---- */

enum admin_json_type {
	ADMIN_JSON_TEXT, /* char[size], NUL-terminated */
	ADMIN_JSON_BOOL, /* bool */
	ADMIN_JSON_NUMBER, /* uint64_t */
	ADMIN_JSON_WORDS, /* char[size]: an array of texts without blanks, joined by blanks */
};

enum admin_json_flag {
	ADMIN_JSON_REQUIRED = 1u << 0,
	ADMIN_JSON_NULLABLE = 1u << 1, /* null counts as given, and is an empty text, or 0 */
	ADMIN_JSON_SECRET = 1u << 2, /* the sentence of a refusal never quotes it */
};

/* One member of an object. For texts, min and max are bytes; for WORDS those of each. */
struct admin_json_member {
	const char *name;
	enum admin_json_type type;
	unsigned flags;
	size_t offset;
	size_t size;
	uint64_t min;
	uint64_t max;
};

#define ADMIN_JSON_MEMBERS_MAX 16u

/*
 * Reads an object whose members are in the table into a struct. given_out has bit i for row i.
 * ERR_SYNTAX and a sentence for whoever sent it; then what was filled in means nothing. A member
 * that is not in the table is refused: who asks for a limit must not get something without one.
 * An empty body is an empty object.
 */
struct admin_json_shape {
	const struct admin_json_member *members;
	size_t count;
};
MUST_CHECK int admin_json_read(struct slice body, const struct admin_json_shape *shape, void *into,
	uint32_t *given_out, struct buf *sentence_out);

/* ---- reading an answer ---- */

struct admin_json; /* a value; parts are borrowed from the whole */

/* NULL when it is not JSON. */
struct admin_json *admin_json_parse(struct slice text);
void admin_json_free(struct admin_json **whole);
/* NULL when there is no such member, or the value is no object. */
const struct admin_json *admin_json_get(const struct admin_json *object, const char *name);
/* Empty unless it is a text. */
struct slice admin_json_text(const struct admin_json *value);
/* 0 unless it is a number. */
uint64_t admin_json_number(const struct admin_json *value);
bool admin_json_is_true(const struct admin_json *value);
bool admin_json_is_null(const struct admin_json *value); /* of nothing as well */
bool admin_json_is_array(const struct admin_json *value);
size_t admin_json_count(const struct admin_json *array);
const struct admin_json *admin_json_item(const struct admin_json *array, size_t i);
/* Walks the members of an object; *at starts as NULL. NULL ends the walk. */
const struct admin_json *admin_json_next(
	const struct admin_json *object, void **at, const char **name_out);
/* The value as text again, on one line. */
void admin_json_print(const struct admin_json *value, struct buf *out);

/* ---- writing ---- */

/* Commas come by themselves: one stands in front of whatever does not begin something. */
void admin_json_begin(struct buf *out, const char *name, char bracket);
void admin_json_end(struct buf *out, char bracket);
/* The name NULL is for the items of an array. */
void admin_json_put_text(struct buf *out, const char *name, struct slice text);
void admin_json_put_number(struct buf *out, const char *name, uint64_t number);
void admin_json_put_bool(struct buf *out, const char *name, bool value);
void admin_json_put_null(struct buf *out, const char *name);
/* JSON already. */
void admin_json_put_raw(struct buf *out, const char *name, struct slice json);
/* 2026-11-29T13:20:00Z; null for 0. */
void admin_json_put_time(struct buf *out, const char *name, uint64_t wall_ms);

#endif
