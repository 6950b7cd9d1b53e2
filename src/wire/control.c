/*
 * The messages of the control stream as JSON, by one table: which member stands in which messages,
 * and what its value may be. What was read holds no control characters, so that it can be shown.
 */
#include "wire/control.h"

#include <jansson.h>
#include <malloc.h>

#include "base/err.h"
#include "base/mem.h"

/* What a message says to people may quote a peer; it shall not fill a line alone. */
#define CONTROL_TEXT_MAX 1024u
#define CONTROL_NETWORK_MAX 49u /* "ffff:...:255.255.255.255/128" */

enum control_kind {
	CONTROL_NUMBER, /* of 32 bits */
	CONTROL_PORT, /* of 16 */
	CONTROL_BOOL,
	CONTROL_TOKEN, /* [A-Za-z0-9_-], min to max of them */
	CONTROL_TEXT, /* up to max bytes */
	CONTROL_SECRET, /* min to max bytes, kept as they are */
	CONTROL_LIST, /* up to max networks in an array; in the struct parted by blanks */
	CONTROL_PROTO,
	CONTROL_CHECK, /* a struct control_check in an object of its own */
};

struct control_member {
	const char *name;
	enum control_kind kind;
	size_t offset; /* in struct control */
	unsigned types; /* the messages that have it */
	unsigned required; /* those that have it always */
	uint64_t min;
	uint64_t max;
};

#define BIT(type) (1u << CONTROL_##type)
#define AT(member) offsetof(struct control, member)

static const struct control_member control_members[] = {
	{"version", CONTROL_NUMBER, AT(version), BIT(HELLO) | BIT(WELCOME),
		BIT(HELLO) | BIT(WELCOME), 0, UINT32_MAX},
	{"agent", CONTROL_TEXT, AT(agent), BIT(HELLO), 0, 0, 128},
	{"relay", CONTROL_TEXT, AT(agent), BIT(WELCOME), 0, 0, 128},
	{"client", CONTROL_TOKEN, AT(client), BIT(HELLO), 0, 1, 256},
	{"process", CONTROL_TOKEN, AT(process), BIT(HELLO), 0, 1, 64},
	{"session", CONTROL_TOKEN, AT(session), BIT(WELCOME), BIT(WELCOME), 1, 64},
	{"secret", CONTROL_TOKEN, AT(secret), BIT(WELCOME), 0, 64, 64},
	{"resume", CONTROL_BOOL, AT(resume), BIT(HELLO) | BIT(WELCOME), 0, 0, 1},
	{"window", CONTROL_NUMBER, AT(window), BIT(HELLO) | BIT(WELCOME), 0, 16384, 1048576},
	{"grace", CONTROL_NUMBER, AT(grace_s), BIT(WELCOME), BIT(WELCOME), 0, UINT32_MAX},
	{"heartbeat", CONTROL_NUMBER, AT(heartbeat_s), BIT(WELCOME), BIT(WELCOME), 1, 86400},
	{"max_head", CONTROL_NUMBER, AT(max_head), BIT(WELCOME), 0, 0, UINT32_MAX},
	{"max_fields", CONTROL_NUMBER, AT(max_fields), BIT(WELCOME), 0, 0, UINT32_MAX},
	{"account", CONTROL_TEXT, AT(account), BIT(WELCOME), 0, 0, 128},
	{"plan", CONTROL_TEXT, AT(plan), BIT(WELCOME), 0, 0, 128},
	{"tunnel", CONTROL_NUMBER, AT(tunnel),
		BIT(REGISTER) | BIT(UNREGISTER) | BIT(REGISTERED) | BIT(ERROR) | BIT(CLOSED),
		BIT(REGISTER) | BIT(UNREGISTER) | BIT(REGISTERED) | BIT(CLOSED), 1, INT32_MAX},
	{"proto", CONTROL_PROTO, AT(proto), BIT(REGISTER) | BIT(REGISTERED),
		BIT(REGISTER) | BIT(REGISTERED), 0, 0},
	{"subdomain", CONTROL_TEXT, AT(subdomain), BIT(REGISTER), 0, 0, 255},
	{"name", CONTROL_TEXT, AT(name), BIT(REGISTERED), 0, 0, 255},
	{"url", CONTROL_TEXT, AT(url), BIT(REGISTERED), BIT(REGISTERED), 1, CONTROL_TEXT_MAX},
	{"port", CONTROL_PORT, AT(port), BIT(REGISTER) | BIT(REGISTERED), 0, 1, UINT16_MAX},
	{"share", CONTROL_BOOL, AT(share), BIT(REGISTER), 0, 0, 1},
	{"password", CONTROL_SECRET, AT(password), BIT(REGISTER), 0, CONTROL_PASSWORD_MIN,
		CONTROL_PASSWORD_MAX},
	{"allow", CONTROL_LIST, AT(allow), BIT(REGISTER), 0, 0, CONTROL_NETWORKS_MAX},
	{"deny", CONTROL_LIST, AT(deny), BIT(REGISTER), 0, 0, CONTROL_NETWORKS_MAX},
	{"verify", CONTROL_CHECK, AT(verify), BIT(REGISTER), 0, 0, 0},
	{"protected", CONTROL_BOOL, AT(is_protected), BIT(REGISTERED), 0, 0, 1},
	{"stream", CONTROL_NUMBER, AT(stream), BIT(FAILED), BIT(FAILED), 1, UINT32_MAX},
	{"code", CONTROL_TOKEN, AT(code), BIT(FAILED) | BIT(ERROR) | BIT(NOTICE),
		BIT(FAILED) | BIT(ERROR) | BIT(NOTICE), 1, 64},
	{"message", CONTROL_TEXT, AT(message), BIT(FAILED) | BIT(ERROR) | BIT(NOTICE), 0, 0,
		CONTROL_TEXT_MAX},
	{"fatal", CONTROL_BOOL, AT(fatal), BIT(ERROR), 0, 0, 1},
	{"retry_after", CONTROL_NUMBER, AT(retry_after_s), BIT(ERROR), 0, 0, UINT32_MAX},
};

static const struct control_member control_check_members[] = {
	{"scheme", CONTROL_TOKEN, offsetof(struct control_check, scheme), 0, 0, 1, 16},
	{"secret", CONTROL_SECRET, offsetof(struct control_check, secret), 0, 0, 1,
		CONTROL_VERIFY_SECRET_MAX},
};

/* The members that are wiped, here and in what jansson made of them. */
static const char *const control_secrets[] = {"secret", "password"};

static const char *const control_types[] = {
	[CONTROL_HELLO] = "hello",
	[CONTROL_REGISTER] = "register",
	[CONTROL_UNREGISTER] = "unregister",
	[CONTROL_FAILED] = "failed",
	[CONTROL_READY] = "ready",
	[CONTROL_WELCOME] = "welcome",
	[CONTROL_REGISTERED] = "registered",
	[CONTROL_ERROR] = "error",
	[CONTROL_CLOSED] = "closed",
	[CONTROL_NOTICE] = "notice",
};

static const char *const control_protos[] = {[CONTROL_HTTP] = "http", [CONTROL_TCP] = "tcp"};

/* The member's place in a message. The table is made with offsetof, so the type is the right one.
 */
static void *control_place(const struct control_member *m, void *object)
{
	return (char *)object + m->offset;
}

static const void *control_place_const(const struct control_member *m, const void *object)
{
	return (const char *)object + m->offset;
}

/* ---- writing ---- */

/* Text that is not UTF-8 cannot stand in JSON; then only its ASCII is kept. */
static json_t *control_json_text(const char *text, size_t max)
{
	struct buf ascii = {0};
	size_t len = strnlen(text, max);
	json_t *value = json_stringn(text, len);

	if (value)
		return value;
	for (size_t i = 0; i < len; i++)
		buf_append_char(&ascii, text[i] & 0x80 ? '?' : text[i]);
	value = json_stringn(ascii.base, buf_len(&ascii));
	buf_release(&ascii);
	return value;
}

static json_t *control_json_list(const char *networks)
{
	struct slice rest = slice_from_str(networks), network;
	json_t *list = json_array();

	while (slice_split(&rest, ' ', &network)) {
		if (network.len)
			json_array_append_new(list, json_stringn(network.ptr, network.len));
	}
	return list;
}

static json_t *control_json_check(const struct control_check *check)
{
	json_t *object = json_object();

	for (size_t i = 0; i < ARRAY_LEN(control_check_members); i++) {
		const struct control_member *m = &control_check_members[i];
		char *const *text = control_place_const(m, check);

		if (*text)
			json_object_set_new(
				object, m->name, control_json_text(*text, (size_t)m->max));
	}
	return object;
}

/* NULL: the member is left out. */
static json_t *control_json_value(
	const struct control_member *m, const struct control *c, bool required)
{
	const void *at = control_place_const(m, c);
	json_int_t number = 0;

	switch (m->kind) {
	case CONTROL_NUMBER:
		number = *(const uint32_t *)at;
		break;
	case CONTROL_PORT:
		number = *(const uint16_t *)at;
		break;
	case CONTROL_BOOL:
		return *(const bool *)at ? json_true() : NULL;
	case CONTROL_PROTO:
		return json_string(control_protos[*(const enum control_proto *)at]);
	case CONTROL_LIST:
		return *(char *const *)at ? control_json_list(*(char *const *)at) : NULL;
	case CONTROL_CHECK:
		return c->verify.scheme ? control_json_check(at) : NULL;
	case CONTROL_TOKEN:
	case CONTROL_TEXT:
	case CONTROL_SECRET:
		if (!*(char *const *)at)
			return NULL;
		return control_json_text(*(char *const *)at, (size_t)m->max);
	}
	return number || required ? json_integer(number) : NULL;
}

static int on_control_dump(const char *bytes, size_t len, void *out)
{
	buf_append(out, bytes, len);
	return 0;
}

/* Texts that jansson holds may be secrets. */
static void control_json_wipe_in(json_t *object)
{
	for (size_t i = 0; i < ARRAY_LEN(control_secrets); i++) {
		json_t *secret = json_object_get(object, control_secrets[i]);

		if (json_is_string(secret))
			mem_wipe((char *)(uintptr_t)json_string_value(secret),
				json_string_length(secret));
	}
}

static void control_json_free(json_t *object)
{
	control_json_wipe_in(object);
	control_json_wipe_in(json_object_get(object, "verify"));
	json_decref(object);
}

void control_write(struct buf *out, const struct control *c)
{
	json_t *object = json_object();

	json_object_set_new(object, "type", json_string(control_types[c->type]));
	for (size_t i = 0; i < ARRAY_LEN(control_members); i++) {
		const struct control_member *m = &control_members[i];
		json_t *value = NULL;

		if (m->types & 1u << c->type)
			value = control_json_value(m, c, m->required & 1u << c->type);
		if (value)
			json_object_set_new(object, m->name, value);
	}
	json_dump_callback(object, on_control_dump, out, JSON_COMPACT);
	buf_append_char(out, '\n');
	control_json_free(object);
}

/* ---- reading ---- */

static bool control_read_text(const struct control_member *m, json_t *value, char **text_out)
{
	struct slice text = {json_string_value(value), json_string_length(value)};

	if (!json_is_string(value) || text.len < m->min || text.len > m->max)
		return false;
	if (m->kind == CONTROL_TOKEN && !slice_is_token(text))
		return false;
	*text_out = mem_dup_str(text.ptr, text.len);
	if (m->kind == CONTROL_SECRET)
		return true;
	for (char *at = *text_out; *at; at++) {
		if ((unsigned char)*at < ' ' || *at == 0x7f)
			*at = ' ';
	}
	return true;
}

/* An address with a length or without; whether it is one is the relay's business. */
static bool control_is_network(json_t *value)
{
	struct slice text = {json_string_value(value), json_string_length(value)};

	if (!json_is_string(value) || !text.len || text.len > CONTROL_NETWORK_MAX)
		return false;
	return strspn(text.ptr, "0123456789abcdefABCDEF.:/") == text.len;
}

/* An empty array is as good as none. */
static bool control_read_list(const struct control_member *m, json_t *value, char **text_out)
{
	struct buf text = {0};
	bool ok = json_is_array(value) && json_array_size(value) <= m->max;

	for (size_t i = 0; ok && i < json_array_size(value); i++) {
		json_t *network = json_array_get(value, i);

		ok = control_is_network(network);
		if (ok)
			buf_printf(&text, "%s%s", i ? " " : "", json_string_value(network));
	}
	if (ok && buf_len(&text))
		*text_out = mem_dup_str(buf_slice(&text).ptr, buf_len(&text));
	buf_release(&text);
	return ok;
}

static bool control_read_check(json_t *value, struct control_check *check)
{
	for (size_t i = 0; i < ARRAY_LEN(control_check_members); i++) {
		const struct control_member *m = &control_check_members[i];

		if (!control_read_text(m, json_object_get(value, m->name), control_place(m, check)))
			return false;
	}
	return true;
}

static bool control_read_proto(json_t *value, enum control_proto *proto_out)
{
	for (size_t i = 0; i < ARRAY_LEN(control_protos); i++) {
		if (json_is_string(value) && !strcmp(json_string_value(value), control_protos[i])) {
			*proto_out = (enum control_proto)i;
			return true;
		}
	}
	return false;
}

static bool control_read_value(const struct control_member *m, json_t *value, struct control *c)
{
	void *at = control_place(m, c);
	json_int_t number = json_integer_value(value);

	switch (m->kind) {
	case CONTROL_BOOL:
		*(bool *)at = json_is_true(value);
		return json_is_boolean(value);
	case CONTROL_PROTO:
		return control_read_proto(value, at);
	case CONTROL_TOKEN:
	case CONTROL_TEXT:
	case CONTROL_SECRET:
		return control_read_text(m, value, at);
	case CONTROL_LIST:
		return control_read_list(m, value, at);
	case CONTROL_CHECK:
		return control_read_check(value, at);
	case CONTROL_NUMBER:
	case CONTROL_PORT:
		break;
	}
	if (!json_is_integer(value) || number < 0 || (uint64_t)number < m->min ||
		(uint64_t)number > m->max)
		return false;
	if (m->kind == CONTROL_PORT)
		*(uint16_t *)at = (uint16_t)number;
	else
		*(uint32_t *)at = (uint32_t)number;
	return true;
}

static enum control_type control_read_type(json_t *value)
{
	for (size_t i = 0; i < ARRAY_LEN(control_types); i++) {
		if (control_types[i] && !strcmp(json_string_value(value), control_types[i]))
			return (enum control_type)i;
	}
	return CONTROL_UNKNOWN;
}

static int control_read_members(json_t *object, struct control *c, struct buf *why_out)
{
	unsigned type = 1u << c->type;

	for (size_t i = 0; i < ARRAY_LEN(control_members); i++) {
		const struct control_member *m = &control_members[i];
		json_t *value = json_object_get(object, m->name);

		if (!(m->types & type))
			continue;
		if (!value || json_is_null(value)) {
			if (!(m->required & type))
				continue;
			buf_printf(why_out, "The message \"%s\" needs the member \"%s\".",
				control_types[c->type], m->name);
			return ERR_SYNTAX;
		}
		if (!control_read_value(m, value, c)) {
			buf_printf(why_out, "The member \"%s\" of \"%s\" has a bad value.", m->name,
				control_types[c->type]);
			return ERR_SYNTAX;
		}
	}
	return 0;
}

static void on_control_json_free(void *ptr)
{
	if (ptr)
		mem_wipe(ptr, malloc_usable_size(ptr));
	mem_free(ptr);
}

void control_wipe_json(void)
{
	json_set_alloc_funcs(mem_alloc, on_control_json_free);
}

int control_read(struct slice line, struct control *c_out, struct buf *why_out)
{
	json_error_t error;
	json_t *object = NULL, *type;
	int err = ERR_SYNTAX;

	*c_out = (struct control) {0};
	if (line.len < CONTROL_LINE_MAX)
		object = json_loadb(line.ptr, line.len, JSON_REJECT_DUPLICATES, &error);
	type = json_object_get(object, "type");
	if (!json_is_object(object)) {
		buf_append_str(why_out, "A line must be a JSON object.");
	} else if (!json_is_string(type)) {
		buf_append_str(why_out, "A message needs the member \"type\".");
	} else {
		c_out->type = control_read_type(type);
		err = control_read_members(object, c_out, why_out);
	}
	control_json_free(object);
	if (err)
		control_deinit(c_out);
	return err;
}

/* Any text may be a secret; messages are few enough to wipe them all. */
static void control_free_text(const struct control_member *m, void *object)
{
	char **text = control_place(m, object);

	if (*text)
		mem_wipe(*text, strlen(*text));
	mem_free(*text);
	*text = NULL;
}

void control_deinit(struct control *c)
{
	for (size_t i = 0; i < ARRAY_LEN(control_members); i++) {
		const struct control_member *m = &control_members[i];

		if (m->kind == CONTROL_TOKEN || m->kind == CONTROL_TEXT ||
			m->kind == CONTROL_SECRET || m->kind == CONTROL_LIST)
			control_free_text(m, c);
	}
	for (size_t i = 0; i < ARRAY_LEN(control_check_members); i++)
		control_free_text(&control_check_members[i], &c->verify);
	*c = (struct control) {0};
}
