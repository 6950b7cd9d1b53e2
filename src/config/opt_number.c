/*
 * Reads and prints the numbers of options. A suffix multiplies; the plain number is in the
 * option's own unit, because that is what existing environments hold (LT_GRACE_PERIOD=30000).
 */
#include "config/opt_number.h"

#include "base/err.h"
#include "base/num.h"

struct opt_unit {
	const char *suffix;
	uint64_t factor;
};

/* Largest first: printing takes the first that divides. */
static const struct opt_unit opt_units_ms[] = {
	{"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}, {NULL, 0}};
static const struct opt_unit opt_units_seconds[] = {
	{"d", 86400}, {"h", 3600}, {"m", 60}, {"s", 1}, {NULL, 0}};
static const struct opt_unit opt_units_size[] = {
	{"g", 1u << 30}, {"m", 1u << 20}, {"k", 1u << 10}, {"", 1}, {NULL, 0}};
static const struct opt_unit opt_units_none[] = {{"", 1}, {NULL, 0}};

static const struct opt_unit *opt_units(const struct opt *o)
{
	if (o->type == OPT_MS)
		return opt_units_ms;
	if (o->type == OPT_SECONDS)
		return opt_units_seconds;
	return o->type == OPT_SIZE ? opt_units_size : opt_units_none;
}

static const char *opt_noun(const struct opt *o)
{
	if (o->type == OPT_MS)
		return "a time in milliseconds";
	if (o->type == OPT_SECONDS)
		return "a time in seconds";
	return o->type == OPT_SIZE ? "a size in bytes" : "a number";
}

static const char *opt_example(const struct opt *o)
{
	if (o->type == OPT_MS)
		return ", for example 500ms, 30s, 5m, 1h";
	if (o->type == OPT_SECONDS)
		return ", for example 30s, 5m, 1h";
	return o->type == OPT_SIZE ? ", for example 64k, 10m" : "";
}

void opt_number_print(const struct opt *o, uint64_t value, struct buf *out)
{
	const struct opt_unit *unit = opt_units(o);

	while (value && value % unit->factor)
		unit++;
	if (!value)
		buf_append_char(out, '0');
	else
		buf_printf(out, "%llu%s", (unsigned long long)(value / unit->factor), unit->suffix);
}

void opt_number_print_bounds(const struct opt *o, struct buf *out)
{
	opt_number_print(o, o->min, out);
	if (o->max == UINT64_MAX) {
		buf_append_str(out, " or more");
		return;
	}
	buf_append_str(out, " to ");
	opt_number_print(o, o->max, out);
}

static int opt_number_scale(const struct opt *o, struct slice suffix, uint64_t *value)
{
	if (!suffix.len)
		return 0;
	for (const struct opt_unit *unit = opt_units(o); unit->suffix; unit++) {
		if (!slice_eq_fold(suffix, slice_from_str(unit->suffix)))
			continue;
		return __builtin_mul_overflow(*value, unit->factor, value) ? ERR_RANGE : 0;
	}
	return ERR_SYNTAX;
}

/* A minus sign is read so that the answer can be "out of range". */
static int opt_number_read(const struct opt *o, struct slice text, uint64_t *value_out)
{
	bool is_negative = text.len && text.ptr[0] == '-';
	struct slice rest = slice_from(text, is_negative);
	size_t digits = 0;
	int err, scale_err;

	while (digits < rest.len && rest.ptr[digits] >= '0' && rest.ptr[digits] <= '9')
		digits++;
	err = num_parse_u64(slice_first(rest, digits), value_out);
	/* What is no number is not out of range either, however many digits it begins with. */
	if (err)
		*value_out = 0;
	scale_err = opt_number_scale(o, slice_from(rest, digits), value_out);
	if (!err || scale_err == ERR_SYNTAX)
		err = scale_err;
	if (!err && ((is_negative && *value_out) || *value_out < o->min || *value_out > o->max))
		err = ERR_RANGE;
	return err;
}

int opt_number_parse(const struct opt *o, struct slice text, uint64_t *value_out, struct buf *why)
{
	int err = opt_number_read(o, text, value_out);

	if (!err)
		return 0;
	if (err == ERR_RANGE) {
		buf_append_slice(why, slice_first(text, NUM_TEXT_MAX * 2));
		buf_append_str(why, " is out of range (");
	} else {
		opt_quote(why, text);
		buf_printf(why, " is not %s (", opt_noun(o));
	}
	opt_number_print_bounds(o, why);
	buf_printf(why, "%s)", err == ERR_RANGE ? "" : opt_example(o));
	return err;
}
