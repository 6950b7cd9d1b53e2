/*
 * Moves option values between text and the fields of a program's struct. The table's offset and
 * size are trusted; the unit test of each table compares them with the struct.
 */
#include "config/opt_value.h"

#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "config/opt_number.h"
#include "config/opt_text.h"

#define OPT_MASK "********"

static const void *opt_field(const struct opt *o, const void *object)
{
	return (const char *)object + o->offset;
}

static void opt_put_number(const struct opt *o, void *object, uint64_t value)
{
	/* Little end first or last: the value goes through a variable of the field's size. */
	uint8_t one = (uint8_t)value;
	uint16_t two = (uint16_t)value;
	uint32_t four = (uint32_t)value;
	char *field = (char *)object + o->offset;

	CHECK(o->size == 8 || value >> (o->size * 8) == 0);
	switch (o->size) {
	case 1:
		memcpy(field, &one, sizeof(one));
		break;
	case 2:
		memcpy(field, &two, sizeof(two));
		break;
	case 4:
		memcpy(field, &four, sizeof(four));
		break;
	default:
		CHECK(o->size == sizeof(value));
		memcpy(field, &value, sizeof(value));
	}
}

uint64_t opt_value_number(const struct opt *o, const void *object)
{
	const void *field = opt_field(o, object);
	uint64_t value;
	uint32_t four;
	uint16_t two;

	switch (o->size) {
	case 1:
		return *(const uint8_t *)field;
	case 2:
		memcpy(&two, field, sizeof(two));
		return two;
	case 4:
		memcpy(&four, field, sizeof(four));
		return four;
	default:
		CHECK(o->size == sizeof(value));
		memcpy(&value, field, sizeof(value));
		return value;
	}
}

const char *opt_value_text(const struct opt *o, const void *object)
{
	char *text;

	CHECK(o->size == sizeof(text) && o->type != OPT_LIST);
	memcpy(&text, opt_field(o, object), sizeof(text));
	return text;
}

char **opt_value_list(const struct opt *o, const void *object)
{
	char **list;

	CHECK(o->size == sizeof(list) && o->type == OPT_LIST);
	memcpy(&list, opt_field(o, object), sizeof(list));
	return list;
}

bool opt_value_is_number(const struct opt *o)
{
	return o->type == OPT_PORT || o->type == OPT_INT || o->type == OPT_SIZE ||
		o->type == OPT_MS || o->type == OPT_SECONDS;
}

int opt_value_bool(struct slice text, bool *value_out)
{
	static const char *const words[] = {"false", "off", "no", "true", "on", "yes"};

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (!slice_eq_fold(text, slice_from_str(words[i])))
			continue;
		*value_out = i >= ARRAY_LEN(words) / 2;
		return 0;
	}
	return ERR_SYNTAX;
}

static int opt_read_word(
	const struct opt *o, struct slice text, uint64_t *value_out, struct buf *why)
{
	bool yes;

	if (o->type == OPT_BOOL && !opt_value_bool(text, &yes)) {
		*value_out = yes;
		return 0;
	}
	for (size_t i = 0; o->type == OPT_ENUM && o->values[i]; i++) {
		if (slice_eq_fold(text, slice_from_str(o->values[i]))) {
			*value_out = i;
			return 0;
		}
	}
	opt_quote(why, text);
	if (o->type == OPT_BOOL) {
		buf_append_str(why, " is neither true nor false");
		return ERR_SYNTAX;
	}
	buf_append_str(why, " is none of ");
	for (size_t i = 0; o->values[i]; i++)
		buf_printf(why, "%s%s", i ? ", " : "", o->values[i]);
	return ERR_SYNTAX;
}

static int opt_read_text(const struct opt *o, struct slice text, struct buf *out, struct buf *why)
{
	if (o->type == OPT_ADDRESS)
		return opt_text_address(text, out, why);
	if (o->type == OPT_HOST)
		return opt_text_host(text, out, why);
	if (o->type == OPT_URL)
		return opt_text_url(text, out, why);
	buf_append_slice(out, text);
	return 0;
}

static int opt_store_text(const struct opt *o, void *object, struct slice text, struct buf *why)
{
	struct buf out;
	char *copy;
	int err;

	buf_init(&out);
	err = opt_read_text(o, text, &out, why);
	if (!err) {
		opt_value_free(o, object);
		copy = mem_dup_str(buf_slice(&out).ptr, buf_len(&out));
		memcpy((char *)object + o->offset, &copy, sizeof(copy));
	}
	if (out.base)
		mem_wipe(out.base, out.cap);
	buf_release(&out);
	return err;
}

/* Items are parted by commas or blanks; empty ones are skipped. */
static void opt_store_list(const struct opt *o, void *object, struct slice text)
{
	char **list = mem_zero((text.len / 2 + 2) * sizeof(*list));
	struct slice rest = text;
	size_t count = 0, at = 0;

	while (at < rest.len) {
		size_t len = 0;
		struct slice item;

		while (at + len < rest.len && !strchr(", \t", rest.ptr[at + len]))
			len++;
		item = slice_of(rest.ptr + at, len);
		at += len + 1;
		if (!len)
			continue;
		list[count] = mem_dup_str(item.ptr, item.len);
		for (char *c = list[count++]; *c; c++)
			*c = (char)(*c >= 'A' && *c <= 'Z' ? *c | 0x20 : *c);
	}
	opt_value_free(o, object);
	memcpy((char *)object + o->offset, &list, sizeof(list));
}

int opt_value_store(const struct opt *o, void *object, struct slice text, struct buf *why)
{
	uint64_t value = 0;
	int err;

	if (o->type == OPT_LIST) {
		opt_store_list(o, object, text);
		return 0;
	}
	if (!opt_value_is_number(o) && o->type != OPT_BOOL && o->type != OPT_ENUM)
		return opt_store_text(o, object, text, why);
	err = opt_value_is_number(o) ? opt_number_parse(o, text, &value, why)
				     : opt_read_word(o, text, &value, why);
	if (!err && !opt_has(o, OPT_NO_EFFECT))
		opt_put_number(o, object, value);
	return err;
}

void opt_value_wipe(char **text)
{
	if (*text)
		mem_wipe(*text, strlen(*text));
	mem_free(*text);
	*text = NULL;
}

void opt_value_free(const struct opt *o, void *object)
{
	char **list, *text;

	if (opt_value_is_number(o) || o->type == OPT_BOOL || o->type == OPT_ENUM)
		return;
	if (o->type == OPT_LIST) {
		list = opt_value_list(o, object);
		for (size_t i = 0; list && list[i]; i++)
			mem_free(list[i]);
		mem_free(list);
	} else {
		memcpy(&text, opt_field(o, object), sizeof(text));
		opt_value_wipe(&text);
	}
	memset((char *)object + o->offset, 0, o->size);
}

static bool opt_is_equal_list(char **a, char **b)
{
	size_t i = 0;

	if (!a || !b)
		return a == b;
	while (a[i] && b[i] && strcmp(a[i], b[i]) == 0)
		i++;
	return !a[i] && !b[i];
}

bool opt_value_is_equal(const struct opt *o, const void *a, const void *b)
{
	const char *left, *right;

	if (opt_has(o, OPT_NO_EFFECT))
		return true;
	if (opt_value_is_number(o) || o->type == OPT_BOOL || o->type == OPT_ENUM)
		return opt_value_number(o, a) == opt_value_number(o, b);
	if (o->type == OPT_LIST)
		return opt_is_equal_list(opt_value_list(o, a), opt_value_list(o, b));
	left = opt_value_text(o, a);
	right = opt_value_text(o, b);
	return left && right ? strcmp(left, right) == 0 : left == right;
}

bool opt_value_is_set(const struct opt *o, const void *object)
{
	if (opt_has(o, OPT_NO_EFFECT))
		return false;
	if (o->type == OPT_LIST)
		return opt_value_list(o, object) != NULL;
	if (o->type == OPT_PORT)
		return o->min == 0 || opt_value_number(o, object) != 0;
	if (opt_value_is_number(o) || o->type == OPT_BOOL || o->type == OPT_ENUM)
		return true;
	return opt_value_text(o, object) != NULL;
}

static void opt_print_list(char **list, struct buf *out)
{
	for (size_t i = 0; list[i]; i++)
		buf_printf(out, "%s%s", i ? "," : "", list[i]);
}

void opt_value_print(const struct opt *o, const void *object, struct buf *out)
{
	bool is_switch = o->fallback && o->fallback[0] == 'o';

	if (!opt_value_is_set(o, object))
		return;
	if (o->type == OPT_SECRET)
		buf_append_str(out, OPT_MASK);
	else if (o->type == OPT_LIST)
		opt_print_list(opt_value_list(o, object), out);
	else if (o->type == OPT_ENUM)
		buf_append_str(out, o->values[opt_value_number(o, object)]);
	else if (o->type == OPT_BOOL && opt_value_number(o, object))
		buf_append_str(out, is_switch ? "on" : "true");
	else if (o->type == OPT_BOOL)
		buf_append_str(out, is_switch ? "off" : "false");
	else if (opt_value_is_number(o))
		opt_number_print(o, opt_value_number(o, object), out);
	else
		buf_append_str(out, opt_value_text(o, object));
}
