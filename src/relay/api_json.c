/* Reading the members of a JSON object with jansson. */
#include "relay/api_json.h"

#include <jansson.h>

#include "base/err.h"

static int api_json_read_members(
	json_t *object, struct api_json_tunnel *out, struct buf *sentence_out)
{
	const char *key;
	json_t *value;

	json_object_foreach(object, key, value)
	{
		if (strcmp(key, "subdomain") != 0) {
			buf_printf(sentence_out, "The member \"%.64s\" is not supported.", key);
			return ERR_SYNTAX;
		}
		if (json_is_null(value))
			continue;
		if (!json_is_string(value) || json_string_length(value) > API_JSON_SUBDOMAIN_MAX) {
			buf_append_str(sentence_out, "The member \"subdomain\" must be a name.");
			return ERR_SYNTAX;
		}
		out->has_subdomain = true;
		out->subdomain_len = json_string_length(value);
		memcpy(out->subdomain, json_string_value(value), out->subdomain_len);
	}
	return 0;
}

int api_json_read_tunnel(struct slice body, struct api_json_tunnel *out, struct buf *sentence_out)
{
	json_error_t error;
	json_t *object;
	int err;

	*out = (struct api_json_tunnel) {0};
	if (!slice_trim_lines(body).len)
		return 0;
	object = json_loadb(body.ptr, body.len, JSON_REJECT_DUPLICATES, &error);
	if (!json_is_object(object)) {
		buf_append_str(sentence_out, "The body must be a JSON object.");
		json_decref(object);
		return ERR_SYNTAX;
	}
	err = api_json_read_members(object, out, sentence_out);
	json_decref(object);
	return err;
}
