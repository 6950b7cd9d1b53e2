/* Reads the identity out of a request's fields. */
#include "relay/identity.h"

#include "crypto/ct.h"
#include "proto/http_head.h"

static bool identity_token_is_valid(struct slice token)
{
	return token.len && token.len <= IDENTITY_TOKEN_MAX && slice_is_token(token);
}

struct slice identity_client_ip(
	const struct http_head *head, struct slice peer_ip, bool trust_proxy)
{
	struct slice list, first;

	if (!trust_proxy)
		return peer_ip;
	list = http_head_value(head, HTTP_FIELD_X_FORWARDED_FOR);
	first = slice_trim(slice_first(list, slice_find(list, ',')));
	if (!first.len)
		first = slice_trim(http_head_value(head, HTTP_FIELD_X_REAL_IP));
	/* No proxy writes an address this long; kept whole it would be stored with the tunnel. */
	if (!first.len || first.len > IDENTITY_TOKEN_MAX)
		return peer_ip;
	return first;
}

struct slice identity_near_ip(const struct http_head *head, struct slice peer_ip, bool trust_proxy)
{
	struct slice last = {NULL, 0};

	for (unsigned i = 0; trust_proxy && i < head->field_count; i++) {
		const struct http_field *field = &head->fields[i];

		if (field->id == HTTP_FIELD_X_FORWARDED_FOR)
			last = field->value;
	}
	if (last.len && slice_find_last(last, ',') < last.len)
		last = slice_from(last, slice_find_last(last, ',') + 1);
	last = slice_trim(last);
	if (!last.len && trust_proxy)
		last = slice_trim(http_head_value(head, HTTP_FIELD_X_REAL_IP));
	return last.len && last.len <= IDENTITY_TOKEN_MAX ? last : peer_ip;
}

struct identity identity_of_request(
	const struct http_head *head, struct slice peer_ip, bool trust_proxy, bool *bad_token_out)
{
	struct slice token = slice_trim(http_head_value(head, HTTP_FIELD_X_LT_CLIENT_TOKEN));
	unsigned given = http_head_count(head, HTTP_FIELD_X_LT_CLIENT_TOKEN);
	bool valid = given == 1 && identity_token_is_valid(token);

	if (bad_token_out)
		*bad_token_out = !valid && (given > 1 || token.len);
	if (valid)
		return (struct identity) {IDENTITY_TOKEN, token};
	return (struct identity) {IDENTITY_IP, identity_client_ip(head, peer_ip, trust_proxy)};
}

bool identity_eq(struct identity a, struct identity b)
{
	if (a.kind != b.kind || a.text.len != b.text.len)
		return false;
	return !a.text.len || ct_equal(a.text.ptr, b.text.ptr, a.text.len);
}
