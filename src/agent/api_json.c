/* The agent's only file with jansson; a struct api_json is a json_t. */
#include "agent/api_json.h"

#include <jansson.h>

#include "base/mem.h"

static json_t *api_json_of(const struct api_json *json)
{
	return (json_t *)(uintptr_t)json;
}

struct api_json *api_json_read(struct slice text)
{
	json_error_t error;
	json_t *json =
		json_loadb(text.ptr ? text.ptr : "", text.len, JSON_REJECT_DUPLICATES, &error);

	if (json_is_object(json))
		return (struct api_json *)(void *)json;
	json_decref(json);
	return NULL;
}

void api_json_free(struct api_json **json)
{
	/* The one secret that an answer has. */
	json_t *key = json_object_get(api_json_of(*json), "key");

	if (json_is_string(key))
		mem_wipe((char *)(uintptr_t)json_string_value(key), json_string_length(key));
	json_decref(api_json_of(*json));
	*json = NULL;
}

const struct api_json *api_json_get(const struct api_json *json, const char *name)
{
	return (const struct api_json *)(void *)json_object_get(api_json_of(json), name);
}

const struct api_json *api_json_at(const struct api_json *list, size_t at)
{
	return (const struct api_json *)(void *)json_array_get(api_json_of(list), at);
}

struct slice api_json_text(const struct api_json *json, const char *name)
{
	json_t *value = json_object_get(api_json_of(json), name);

	return slice_of(json_string_value(value), json_string_length(value));
}

bool api_json_number(const struct api_json *json, const char *name, uint64_t *value_out)
{
	json_t *value = json_object_get(api_json_of(json), name);

	if (!json_is_integer(value) || json_integer_value(value) < 0)
		return false;
	*value_out = (uint64_t)json_integer_value(value);
	return true;
}

static int on_api_json_dump(const char *bytes, size_t len, void *out)
{
	buf_append(out, bytes, len);
	return 0;
}

void api_json_print(const struct api_json *json, struct buf *out)
{
	if (!json)
		buf_append_str(out, "null");
	else
		json_dump_callback(
			api_json_of(json), on_api_json_dump, out, JSON_COMPACT | JSON_ENCODE_ANY);
}

/* As people say it. */
static void api_json_print_ms(json_int_t ms, struct buf *out)
{
	static const struct {
		json_int_t ms;
		const char *name;
	} units[] = {{86400000, "d"}, {3600000, "h"}, {60000, "m"}, {1000, "s"}, {1, "ms"}};
	size_t i = 0;

	while (ms % units[i].ms)
		i++;
	buf_printf(out, "%lld%s", (long long)(ms / units[i].ms), units[i].name);
}

/* A name that ends in _ms tells the unit of its value, which is said with that instead. */
static void api_json_print_named(struct slice name, json_t *value, struct buf *out)
{
	struct slice unit = SLICE("_ms");
	bool is_ms = json_is_integer(value) && slice_ends(name, unit);

	if (is_ms)
		name = slice_first(name, name.len - unit.len);
	for (size_t i = 0; i < name.len; i++)
		buf_append_char(out, name.ptr[i] == '_' ? ' ' : name.ptr[i]);
	buf_append_str(out, ": ");
	if (is_ms)
		api_json_print_ms(json_integer_value(value), out);
	else
		api_json_print((const struct api_json *)(void *)value, out);
}

bool api_json_print_member(const struct api_json *object, size_t at, struct buf *out)
{
	json_t *value;
	const char *name;
	size_t i = 0;

	json_object_foreach(api_json_of(object), name, value)
	{
		if (json_is_null(value) || i++ < at)
			continue;
		api_json_print_named(slice_from_str(name), value, out);
		return true;
	}
	return false;
}

bool api_json_is_true(const struct api_json *json, const char *name)
{
	return json_is_true(json_object_get(api_json_of(json), name));
}
