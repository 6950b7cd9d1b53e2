/* Reading the members of a JSON object with jansson. */
#include "relay/api_json.h"

#include <jansson.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/mem.h"

static int api_json_read_subdomain(
	json_t *value, struct api_json_tunnel *out, struct buf *sentence_out)
{
	if (json_is_null(value))
		return 0;
	if (!json_is_string(value) || json_string_length(value) > API_JSON_SUBDOMAIN_MAX) {
		buf_append_str(sentence_out, "The member \"subdomain\" must be a name.");
		return ERR_SYNTAX;
	}
	out->has_subdomain = true;
	out->subdomain_len = json_string_length(value);
	memcpy(out->subdomain, json_string_value(value), out->subdomain_len);
	return 0;
}

static int api_json_read_password(
	json_t *value, struct api_json_tunnel *out, struct buf *sentence_out)
{
	struct slice password = slice_of(json_string_value(value), json_string_length(value));

	out->sets_password = true;
	if (json_is_null(value))
		return 0;
	if (!json_is_string(value) || !password_is_allowed(password)) {
		buf_printf(sentence_out,
			"The member \"password\" must be a text of %u to %u bytes, or null.",
			PASSWORD_MIN, PASSWORD_MAX);
		return ERR_SYNTAX;
	}
	out->password_len = password.len;
	memcpy(out->password, password.ptr, password.len);
	return 0;
}

static const struct api_json_member {
	const char *name;
	int (*read)(json_t *value, struct api_json_tunnel *out, struct buf *sentence_out);
} api_json_members[] = {
	{"subdomain", api_json_read_subdomain},
	{"password", api_json_read_password},
};

static int api_json_read_member(
	const char *key, json_t *value, struct api_json_tunnel *out, struct buf *sentence_out)
{
	for (size_t i = 0; i < ARRAY_LEN(api_json_members); i++) {
		if (!strcmp(key, api_json_members[i].name))
			return api_json_members[i].read(value, out, sentence_out);
	}
	buf_printf(sentence_out, "The member \"%.64s\" is not supported.", key);
	return ERR_SYNTAX;
}

static int api_json_read_members(
	json_t *object, struct api_json_tunnel *out, struct buf *sentence_out)
{
	const char *key;
	json_t *value;
	int err;

	json_object_foreach(object, key, value)
	{
		err = api_json_read_member(key, value, out, sentence_out);
		if (err)
			return err;
	}
	return 0;
}

/* What jansson holds may be a password. */
static void api_json_free(json_t *object)
{
	json_t *password = json_object_get(object, "password");

	if (json_is_string(password))
		mem_wipe((char *)(uintptr_t)json_string_value(password),
			json_string_length(password));
	json_decref(object);
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
		api_json_free(object);
		return ERR_SYNTAX;
	}
	err = api_json_read_members(object, out, sentence_out);
	api_json_free(object);
	return err;
}
