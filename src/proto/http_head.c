/*
 * What is known by name: fields, methods, faults. The lookup of a field's id runs for every field
 * of every message, so it compares one byte of hash against all known names, eight at a time,
 * before it looks at the name itself.
 */
#include "proto/http_head.h"

#include <endian.h>

#include "base/attr.h"

#define HTTP_HASH(len, first, last)                                                                \
	((uint8_t)((len) + 31u * ((unsigned char)(first) | 0x20u) +                                \
		16u * ((unsigned char)(last) | 0x20u)))

static const struct slice http_field_names[HTTP_FIELD_COUNT] = {
	{"", 0},
#define HTTP_FIELD(id, name) {name, sizeof(name) - 1},
#include "proto/http_field.def"
#undef HTTP_FIELD
};

/* In the order of the ids; what fills up the last word is never a match, its id is too high. */
static const uint8_t http_field_hashes[(HTTP_FIELD_COUNT + 7) / 8 * 8] = {
	0,
#define HTTP_FIELD(id, name) HTTP_HASH(sizeof(name) - 1, name[0], name[sizeof(name) - 2]),
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
	uint64_t ones = UINT64_MAX / 0xff, want, word;

	if (!name.len)
		return HTTP_FIELD_OTHER;
	want = ones * HTTP_HASH(name.len, name.ptr[0], name.ptr[name.len - 1]);
#pragma GCC unroll 8
	for (size_t at = 0; at < sizeof(http_field_hashes); at += 8) {
		memcpy(&word, http_field_hashes + at, sizeof(word));
		word = le64toh(word) ^ want;
		word = (word - ones) & ~word & (ones * 0x80);
		for (; word; word &= word - 1) {
			size_t id = at + (size_t)__builtin_ctzll(word) / 8;

			if (id < HTTP_FIELD_COUNT && http_field_is(name, http_field_names[id]))
				return (enum http_field_id)id;
		}
	}
	return HTTP_FIELD_OTHER;
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
