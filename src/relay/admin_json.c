/* Bodies are read with jansson; nothing else of it is seen outside of this file. */
#include "relay/admin_json.h"

#include <jansson.h>

#include "base/check.h"
#include "base/err.h"
#include "base/log_text.h"
#include "base/num.h"
#include "relay/escape.h"

#define ADMIN_JSON_DEPTH_NAME 64 /* of a member's name in a refusal */

/* ---- reading a body ---- */

static int admin_json_refuse(
	const struct admin_json_member *m, const char *what, struct buf *sentence)
{
	buf_printf(sentence, "The member \"%s\" %s.", m->name, what);
	return ERR_SYNTAX;
}

static int admin_json_refuse_length(const struct admin_json_member *m, struct buf *sentence)
{
	buf_printf(sentence, "The member \"%s\" must have %llu to %llu bytes.", m->name,
		(unsigned long long)m->min, (unsigned long long)m->max);
	return ERR_SYNTAX;
}

static bool admin_json_has_control(struct slice text)
{
	for (size_t i = 0; i < text.len; i++) {
		if ((unsigned char)text.ptr[i] < 0x20 || text.ptr[i] == 0x7f)
			return true;
	}
	return false;
}

static int admin_json_read_text(
	const struct admin_json_member *m, json_t *value, char *into, struct buf *sentence)
{
	struct slice text;

	if (!json_is_string(value))
		return admin_json_refuse(m, "must be a text", sentence);
	text = slice_of(json_string_value(value), json_string_length(value));
	CHECK(m->max < m->size);
	if (text.len < m->min || text.len > m->max)
		return admin_json_refuse_length(m, sentence);
	if (!(m->flags & ADMIN_JSON_SECRET) && admin_json_has_control(text))
		return admin_json_refuse(m, "must not have control characters", sentence);
	slice_to_str(text, into, m->size);
	return 0;
}

static int admin_json_read_number(
	const struct admin_json_member *m, json_t *value, uint64_t *into, struct buf *sentence)
{
	json_int_t number = json_is_integer(value) ? json_integer_value(value) : -1;

	if (number < 0 || (uint64_t)number < m->min || (uint64_t)number > m->max) {
		buf_printf(sentence, "The member \"%s\" must be a number from %llu to %llu.",
			m->name, (unsigned long long)m->min, (unsigned long long)m->max);
		return ERR_SYNTAX;
	}
	*into = (uint64_t)number;
	return 0;
}

static bool admin_json_is_word(const struct admin_json_member *m, json_t *value)
{
	struct slice word = slice_of(json_string_value(value), json_string_length(value));

	return json_is_string(value) && word.len >= m->min && word.len <= m->max &&
		!admin_json_has_control(word) && slice_find(word, ' ') == word.len;
}

static int admin_json_read_words(
	const struct admin_json_member *m, json_t *value, char *into, struct buf *sentence)
{
	size_t len = 0, i;
	json_t *item;

	if (!json_is_array(value))
		return admin_json_refuse(m, "must be an array of texts", sentence);
	into[0] = '\0';
	json_array_foreach(value, i, item)
	{
		if (!admin_json_is_word(m, item))
			return admin_json_refuse(m, "must be an array of words", sentence);
		if (len + json_string_length(item) + 2 > m->size)
			return admin_json_refuse(m, "is too long", sentence);
		if (len)
			into[len++] = ' ';
		memcpy(into + len, json_string_value(item), json_string_length(item) + 1);
		len += json_string_length(item);
	}
	return 0;
}

static int admin_json_read_member(
	const struct admin_json_member *m, json_t *value, void *into, struct buf *sentence)
{
	char *at = (char *)into + m->offset;

	if (json_is_null(value) && (m->flags & ADMIN_JSON_NULLABLE)) {
		memset(at, 0, m->type == ADMIN_JSON_NUMBER ? sizeof(uint64_t) : 1);
		return 0;
	}
	switch (m->type) {
	case ADMIN_JSON_TEXT:
		return admin_json_read_text(m, value, at, sentence);
	case ADMIN_JSON_BOOL:
		if (!json_is_boolean(value))
			return admin_json_refuse(m, "must be true or false", sentence);
		*(bool *)(void *)at = json_is_true(value);
		return 0;
	case ADMIN_JSON_NUMBER:
		return admin_json_read_number(m, value, (uint64_t *)(void *)at, sentence);
	case ADMIN_JSON_WORDS:
		return admin_json_read_words(m, value, at, sentence);
	}
	UNREACHABLE();
}

static size_t admin_json_find(const struct admin_json_shape *shape, const char *name)
{
	size_t i = 0;

	while (i < shape->count && strcmp(shape->members[i].name, name) != 0)
		i++;
	return i;
}

static int admin_json_read_object(json_t *object, const struct admin_json_shape *shape, void *into,
	uint32_t *given, struct buf *sentence)
{
	const char *key;
	json_t *value;

	json_object_foreach(object, key, value)
	{
		size_t i = admin_json_find(shape, key);
		int err;

		if (i == shape->count) {
			buf_printf(sentence, "The member \"%.*s\" is not known here.",
				ADMIN_JSON_DEPTH_NAME, key);
			return ERR_SYNTAX;
		}
		err = admin_json_read_member(&shape->members[i], value, into, sentence);
		if (err)
			return err;
		*given |= 1u << i;
	}
	for (size_t i = 0; i < shape->count; i++) {
		if ((shape->members[i].flags & ADMIN_JSON_REQUIRED) && !(*given >> i & 1))
			return admin_json_refuse(&shape->members[i], "is missing", sentence);
	}
	return 0;
}

int admin_json_read(struct slice body, const struct admin_json_shape *shape, void *into,
	uint32_t *given_out, struct buf *sentence_out)
{
	json_error_t error;
	json_t *object;
	int err;

	CHECK(shape->count <= ADMIN_JSON_MEMBERS_MAX);
	*given_out = 0;
	if (!slice_trim_lines(body).len)
		body = SLICE("{}");
	object = json_loadb(body.ptr, body.len, JSON_REJECT_DUPLICATES, &error);
	if (!json_is_object(object)) {
		buf_append_str(sentence_out, "The body must be a JSON object.");
		json_decref(object);
		return ERR_SYNTAX;
	}
	err = admin_json_read_object(object, shape, into, given_out, sentence_out);
	json_decref(object);
	return err;
}

/* ---- reading an answer ---- */

static json_t *admin_json_of(const struct admin_json *value)
{
	/* jansson counts references in what it calls const elsewhere. */
	return (json_t *)(uintptr_t)value;
}

struct admin_json *admin_json_parse(struct slice text)
{
	return (struct admin_json *)json_loadb(
		text.ptr ? text.ptr : "", text.len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
}

void admin_json_free(struct admin_json **whole)
{
	json_decref(admin_json_of(*whole));
	*whole = NULL;
}

const struct admin_json *admin_json_get(const struct admin_json *object, const char *name)
{
	return (const struct admin_json *)json_object_get(admin_json_of(object), name);
}

struct slice admin_json_text(const struct admin_json *value)
{
	json_t *v = admin_json_of(value);

	return slice_of(json_string_value(v), json_string_length(v));
}

uint64_t admin_json_number(const struct admin_json *value)
{
	json_int_t number = json_integer_value(admin_json_of(value));

	return number > 0 ? (uint64_t)number : 0;
}

bool admin_json_is_true(const struct admin_json *value)
{
	return json_is_true(admin_json_of(value));
}

bool admin_json_is_null(const struct admin_json *value)
{
	return !value || json_is_null(admin_json_of(value));
}

bool admin_json_is_array(const struct admin_json *value)
{
	return json_is_array(admin_json_of(value));
}

size_t admin_json_count(const struct admin_json *array)
{
	return json_array_size(admin_json_of(array));
}

const struct admin_json *admin_json_item(const struct admin_json *array, size_t i)
{
	return (const struct admin_json *)json_array_get(admin_json_of(array), i);
}

const struct admin_json *admin_json_next(
	const struct admin_json *object, void **at, const char **name_out)
{
	json_t *o = admin_json_of(object);

	*at = *at ? json_object_iter_next(o, *at) : json_object_iter(o);
	if (!*at)
		return NULL;
	*name_out = json_object_iter_key(*at);
	return (const struct admin_json *)json_object_iter_value(*at);
}

static int admin_json_on_dump(const char *data, size_t len, void *out)
{
	buf_append(out, data, len);
	return 0;
}

void admin_json_print(const struct admin_json *value, struct buf *out)
{
	CHECK(json_dump_callback(admin_json_of(value), admin_json_on_dump, out,
		      JSON_COMPACT | JSON_ENCODE_ANY) == 0);
}

/* ---- writing ---- */

static void admin_json_name(struct buf *out, const char *name)
{
	struct slice before = buf_slice(out);
	char last = before.len ? before.ptr[before.len - 1] : '{';

	if (last != '{' && last != '[')
		buf_append_char(out, ',');
	if (name)
		buf_printf(out, "\"%s\":", name);
}

void admin_json_begin(struct buf *out, const char *name, char bracket)
{
	admin_json_name(out, name);
	buf_append_char(out, bracket);
}

void admin_json_end(struct buf *out, char bracket)
{
	buf_append_char(out, bracket);
}

void admin_json_put_text(struct buf *out, const char *name, struct slice text)
{
	admin_json_name(out, name);
	buf_append_char(out, '"');
	escape_json(out, text);
	buf_append_char(out, '"');
}

void admin_json_put_number(struct buf *out, const char *name, uint64_t number)
{
	admin_json_name(out, name);
	buf_append_u64(out, number);
}

void admin_json_put_bool(struct buf *out, const char *name, bool value)
{
	admin_json_name(out, name);
	buf_append_str(out, value ? "true" : "false");
}

void admin_json_put_null(struct buf *out, const char *name)
{
	admin_json_name(out, name);
	buf_append_str(out, "null");
}

void admin_json_put_raw(struct buf *out, const char *name, struct slice json)
{
	admin_json_name(out, name);
	buf_append_slice(out, json);
}

void admin_json_put_time(struct buf *out, const char *name, uint64_t wall_ms)
{
	struct log_text_clock clock = {0};
	char text[LOG_TEXT_TIME_ROOM];

	if (!wall_ms) {
		admin_json_put_null(out, name);
		return;
	}
	/* Milliseconds are of no use here, and cut: they are the last four before the Z. */
	log_text_time_utc(&clock, text, wall_ms);
	memcpy(text + sizeof("2026-11-29T13:20:00") - 1, "Z", 2);
	admin_json_put_text(out, name, slice_from_str(text));
}
