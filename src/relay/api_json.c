/* Reading the members of a JSON object with jansson. */
#include "relay/api_json.h"

#include <jansson.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/mem.h"
#include "relay/gate_rules.h"

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

	out->sets_gate = true;
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

/* True when the text was put behind what is there. */
static bool api_json_add(char *out, size_t size, json_t *value)
{
	size_t len = strlen(out), more = json_string_length(value);

	if (!json_is_string(value) || strlen(json_string_value(value)) != more ||
		len + more + 2 > size)
		return false;
	if (len)
		out[len++] = ' ';
	memcpy(out + len, json_string_value(value), more + 1);
	return true;
}

static int api_json_read_networks(json_t *value, char *out, struct buf *sentence_out)
{
	size_t index;
	json_t *network;

	if (json_is_null(value))
		return 0;
	if (!json_is_array(value) || json_array_size(value) > GATE_RULES_MAX) {
		buf_printf(sentence_out, "A list of networks is an array of at most %u texts.",
			GATE_RULES_MAX);
		return ERR_SYNTAX;
	}
	json_array_foreach(value, index, network)
	{
		if (json_string_length(network) && !strchr(json_string_value(network), ' ') &&
			api_json_add(out, API_JSON_NETWORKS_MAX, network))
			continue;
		buf_append_str(sentence_out, "A network is a text such as \"192.0.2.0/24\".");
		return ERR_SYNTAX;
	}
	return 0;
}

static int api_json_read_allow(json_t *value, struct api_json_tunnel *out, struct buf *sentence_out)
{
	out->sets_gate = true;
	return api_json_read_networks(value, out->allow, sentence_out);
}

static int api_json_read_deny(json_t *value, struct api_json_tunnel *out, struct buf *sentence_out)
{
	out->sets_gate = true;
	return api_json_read_networks(value, out->deny, sentence_out);
}

static int api_json_read_verify(
	json_t *value, struct api_json_tunnel *out, struct buf *sentence_out)
{
	out->sets_gate = true;
	if (json_is_null(value))
		return 0;
	if (json_object_size(value) == 2 &&
		api_json_add(out->verify_scheme, API_JSON_SCHEME_MAX,
			json_object_get(value, "scheme")) &&
		api_json_add(
			out->verify_secret, API_JSON_SECRET_MAX, json_object_get(value, "secret")))
		return 0;
	buf_append_str(sentence_out,
		"The member \"verify\" must be {\"scheme\":\"stripe\",\"secret\":\"...\"}, or the "
		"same for github or slack.");
	return ERR_SYNTAX;
}

struct tunnel_gate_wish api_json_gate(const struct api_json_tunnel *t)
{
	return (struct tunnel_gate_wish) {
		.allow = t->allow,
		.deny = t->deny,
		.verify_scheme = t->verify_scheme[0] ? t->verify_scheme : NULL,
		.verify_secret = t->verify_secret[0] ? t->verify_secret : NULL,
	};
}

static const struct api_json_member {
	const char *name;
	int (*read)(json_t *value, struct api_json_tunnel *out, struct buf *sentence_out);
} api_json_members[] = {
	{"subdomain", api_json_read_subdomain},
	{"password", api_json_read_password},
	{"allow", api_json_read_allow},
	{"deny", api_json_read_deny},
	{"verify", api_json_read_verify},
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

static void api_json_wipe(json_t *text)
{
	if (json_is_string(text))
		mem_wipe((char *)(uintptr_t)json_string_value(text), json_string_length(text));
}

/* What jansson holds may be a password, or another secret. */
static void api_json_free(json_t *object)
{
	json_t *verify = json_object_get(object, "verify");

	api_json_wipe(json_object_get(object, "password"));
	api_json_wipe(json_object_get(verify, "secret"));
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
	if (!err) {
		const struct tunnel_gate_wish gate = api_json_gate(out);

		err = tunnel_gate_check(&gate, sentence_out);
	}
	return err;
}
