/*
 * What a message says about this one connection, and not about the exchange as a whole. Called by
 * the relay between parsing a head and writing it on. It changes nothing but the hop marks.
 */
#include "proto/http_hop.h"

/*
 * A Connection field with more members than this nominates every field that may be nominated: the
 * cost of the marking stays bounded, and nothing that was nominated slips through.
 */
#define HTTP_HOP_NOMINATED_MAX 32

static bool http_hop_is_protected(enum http_field_id id)
{
	return id == HTTP_FIELD_HOST || id == HTTP_FIELD_CONTENT_LENGTH ||
		id == HTTP_FIELD_FORWARDED || id == HTTP_FIELD_X_FORWARDED_FOR ||
		id == HTTP_FIELD_X_FORWARDED_HOST || id == HTTP_FIELD_X_FORWARDED_PROTO ||
		id == HTTP_FIELD_X_REQUEST_ID;
}

static bool http_hop_is_always(enum http_field_id id)
{
	return id == HTTP_FIELD_CONNECTION || id == HTTP_FIELD_KEEP_ALIVE ||
		id == HTTP_FIELD_PROXY_CONNECTION || id == HTTP_FIELD_PROXY_AUTHENTICATE ||
		id == HTTP_FIELD_PROXY_AUTHORIZATION || id == HTTP_FIELD_TE ||
		id == HTTP_FIELD_TRANSFER_ENCODING || id == HTTP_FIELD_UPGRADE;
}

/* A NULL pointer as the name stands for every name. */
static void http_hop_mark_named(struct http_head *head, struct slice name)
{
	for (size_t i = 0; i < head->field_count; i++) {
		struct http_field *field = &head->fields[i];

		if (!http_hop_is_protected(field->id) &&
			(!name.ptr || slice_eq_fold(field->name, name)))
			field->hop = true;
	}
}

static void http_hop_mark_nominated(struct http_head *head, struct slice list, unsigned *count)
{
	struct slice part;

	while (*count <= HTTP_HOP_NOMINATED_MAX && slice_split(&list, ',', &part)) {
		part = slice_trim(part);
		/* By far the most frequent ones; they name no field, or one that is marked. */
		if (!part.len || slice_eq_fold(part, SLICE("keep-alive")) ||
			slice_eq_fold(part, SLICE("close")) ||
			slice_eq_fold(part, SLICE("upgrade")))
			continue;
		if (++*count > HTTP_HOP_NOMINATED_MAX)
			part = (struct slice) {NULL, 0};
		http_hop_mark_named(head, part);
	}
}

void http_hop_mark(struct http_head *head)
{
	unsigned count = 0;

	for (size_t i = 0; i < head->field_count; i++) {
		struct http_field *field = &head->fields[i];

		if (http_hop_is_always(field->id))
			field->hop = true;
		if (field->id == HTTP_FIELD_CONNECTION)
			http_hop_mark_nominated(head, field->value, &count);
	}
}

bool http_hop_keeps_alive(const struct http_head *head)
{
	if (http_head_has_token(head, HTTP_FIELD_CONNECTION, SLICE("close")))
		return false;
	return head->minor >= 1 ||
		http_head_has_token(head, HTTP_FIELD_CONNECTION, SLICE("keep-alive"));
}

bool http_hop_wants_upgrade(const struct http_head *head)
{
	struct slice length = http_head_value(head, HTTP_FIELD_CONTENT_LENGTH);

	if (head->minor < 1 || !http_head_value(head, HTTP_FIELD_UPGRADE).len ||
		head->method_id == HTTP_CONNECT)
		return false;
	if (head->first[HTTP_FIELD_TRANSFER_ENCODING] ||
		(length.ptr && !slice_eq(length, SLICE("0"))))
		return false;
	/* Behind h2c the visitor could send requests that no gate has seen. */
	if (http_head_has_token(head, HTTP_FIELD_UPGRADE, SLICE("h2c")))
		return false;
	return http_head_has_token(head, HTTP_FIELD_CONNECTION, SLICE("upgrade"));
}
