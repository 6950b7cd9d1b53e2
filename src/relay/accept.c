/* Reads the Accept fields (RFC 9110, 12.5.1) leniently: what is malformed names nothing. */
#include "relay/accept.h"

#include "base/attr.h"
#include "proto/http_head.h"

struct accept_type {
	struct slice name;
	enum accept_format format;
};

static const struct accept_type accept_types[] = {
	{{"text/html", 9}, ACCEPT_HTML},
	{{"application/xhtml+xml", 21}, ACCEPT_HTML},
	{{"application/json", 16}, ACCEPT_JSON},
	{{"application/problem+json", 24}, ACCEPT_JSON},
	{{"text/plain", 10}, ACCEPT_TEXT},
};

/* The weight in thousandths: "0.8" is 800. Anything odd is 0. */
static unsigned accept_weight(struct slice text)
{
	unsigned weight, unit = 100;

	if (!text.len || (text.ptr[0] != '0' && text.ptr[0] != '1') || text.len > 5)
		return 0;
	weight = text.ptr[0] == '1' ? 1000 : 0;
	if (text.len > 1 && text.ptr[1] != '.')
		return 0;
	for (size_t i = 2; i < text.len; i++, unit /= 10) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9')
			return 0;
		weight += (unsigned)(text.ptr[i] - '0') * unit;
	}
	return weight <= 1000 ? weight : 0;
}

static unsigned accept_weight_of(struct slice parameters)
{
	struct slice part;

	while (slice_split(&parameters, ';', &part)) {
		part = slice_trim(part);
		if (slice_eq_fold(slice_first(part, 2), SLICE("q=")))
			return accept_weight(slice_from(part, 2));
	}
	return 1000;
}

static void accept_read_range(struct slice range, enum accept_format *format, unsigned *best_weight)
{
	struct slice rest = range, name = {NULL, 0};
	unsigned weight;

	if (!slice_split(&rest, ';', &name))
		return;
	name = slice_trim(name);
	weight = accept_weight_of(rest);
	for (size_t i = 0; i < ARRAY_LEN(accept_types); i++) {
		if (weight > *best_weight && slice_eq_fold(name, accept_types[i].name)) {
			*format = accept_types[i].format;
			*best_weight = weight;
		}
	}
}

enum accept_format accept_choose(const struct http_head *head)
{
	enum accept_format format = ACCEPT_TEXT;
	unsigned best_weight = 0;

	for (uint16_t i = 0; head && i < head->field_count; i++) {
		struct slice rest = head->fields[i].value, range;

		if (head->fields[i].id != HTTP_FIELD_ACCEPT)
			continue;
		while (slice_split(&rest, ',', &range))
			accept_read_range(range, &format, &best_weight);
	}
	return format;
}
