/*
 * What is known by name: fields, methods, faults. The lookup of a field's id runs for every field
 * of every message: one look into a table without collisions, and one comparison.
 */
#include "proto/http_head.h"

#include "base/attr.h"

/* No two known names have the same one; the compiler refuses the table below if they do. */
#define HTTP_FIELD_HASH(len, inner, near)                                                          \
	((uint8_t)((len) + 4u * ((unsigned char)(inner) | 0x20u) +                                 \
		25u * ((unsigned char)(near) | 0x20u)))

static const struct slice http_field_names[HTTP_FIELD_COUNT] = {
	{"", 0},
#define HTTP_FIELD(id, name, inner, near) {name, sizeof(name) - 1},
#include "proto/http_field.def"
#undef HTTP_FIELD
};

static const uint8_t http_field_ids[256] = {
#define HTTP_FIELD(id, name, inner, near)                                                          \
	[HTTP_FIELD_HASH(sizeof(name) - 1, inner, near)] = HTTP_FIELD_##id,
#include "proto/http_field.def"
#undef HTTP_FIELD
};

/* Where the two differ, it may be in the bit of the case, and the known one, which is lower case,
 * must have a letter there: those alone have the bit above it as well. */
static bool http_field_differs(uint64_t name, uint64_t known)
{
	return ((name ^ known) & ~(known >> 1 & UINT64_MAX / 0xff * 0x20)) != 0;
}

static bool http_field_is(struct slice name, struct slice known)
{
	uint64_t a, b;
	size_t at = 0;

	if (name.len != known.len)
		return false;
	while (at < name.len && name.len >= sizeof(a)) {
		/* The last word overlaps what was seen: cheaper than up to seven single steps. */
		at = at + sizeof(a) <= name.len ? at : name.len - sizeof(a);
		memcpy(&a, name.ptr + at, sizeof(a));
		memcpy(&b, known.ptr + at, sizeof(b));
		if (http_field_differs(a, b))
			return false;
		at += sizeof(a);
	}
	for (; at < name.len; at++) {
		if (http_field_differs((uint8_t)name.ptr[at], (uint8_t)known.ptr[at]))
			return false;
	}
	return true;
}

enum http_field_id http_field_id_of(struct slice name)
{
	size_t id;

	if (name.len < 2)
		return HTTP_FIELD_OTHER;
	id = http_field_ids[HTTP_FIELD_HASH(
		name.len, name.ptr[name.len * 5 / 8], name.ptr[name.len - 2])];
	return id && http_field_is(name, http_field_names[id]) ? (enum http_field_id)id
							       : HTTP_FIELD_OTHER;
}

unsigned http_head_count(const struct http_head *head, enum http_field_id id)
{
	unsigned count = 0;

	if (!head->first[id])
		return 0;
	for (size_t i = head->first[id] - 1u; i < head->field_count; i++)
		count += head->fields[i].id == id;
	return count;
}

bool http_head_has_token(const struct http_head *head, enum http_field_id id, struct slice token)
{
	struct slice list, part;

	if (!head->first[id])
		return false;
	for (size_t i = head->first[id] - 1u; i < head->field_count; i++) {
		if (head->fields[i].id != id)
			continue;
		list = head->fields[i].value;
		while (slice_split(&list, ',', &part)) {
			if (slice_eq_fold(slice_trim(part), token))
				return true;
		}
	}
	return false;
}

enum http_method http_method_of(struct slice name)
{
	static const struct {
		struct slice name;
		enum http_method id;
	} methods[] = {
		{{"GET", 3}, HTTP_GET},
		{{"POST", 4}, HTTP_POST},
		{{"HEAD", 4}, HTTP_HEAD},
		{{"PUT", 3}, HTTP_PUT},
		{{"PATCH", 5}, HTTP_PATCH},
		{{"DELETE", 6}, HTTP_DELETE},
		{{"OPTIONS", 7}, HTTP_OPTIONS},
		{{"TRACE", 5}, HTTP_TRACE},
		{{"CONNECT", 7}, HTTP_CONNECT},
	};

	for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
		if (slice_eq(methods[i].name, name))
			return methods[i].id;
	}
	return HTTP_METHOD_OTHER;
}

bool http_method_is_idempotent(enum http_method method)
{
	switch (method) {
	case HTTP_GET:
	case HTTP_HEAD:
	case HTTP_PUT:
	case HTTP_DELETE:
	case HTTP_OPTIONS:
	case HTTP_TRACE:
		return true;
	case HTTP_METHOD_OTHER:
	case HTTP_POST:
	case HTTP_PATCH:
	case HTTP_CONNECT:
		return false;
	}
	return false;
}

unsigned http_fault_status(enum http_fault fault)
{
	static const uint16_t statuses[HTTP_FAULT_COUNT] = {
		0,
#define HTTP_FAULT(id, status, text) status,
#include "proto/http_fault.def"
#undef HTTP_FAULT
	};

	return fault < HTTP_FAULT_COUNT ? statuses[fault] : 0;
}

const char *http_fault_text(enum http_fault fault)
{
	static const char *const texts[HTTP_FAULT_COUNT] = {
		"No fault.",
#define HTTP_FAULT(id, status, text) text,
#include "proto/http_fault.def"
#undef HTTP_FAULT
	};

	return fault < HTTP_FAULT_COUNT ? texts[fault] : "Unknown fault.";
}
