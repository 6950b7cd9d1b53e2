/*
 * Reads a command line against an option table. Nothing is guessed: an unknown or repeated option
 * is refused, with the name that was probably meant.
 */
#include "config/args.h"

#include "base/err.h"
#include "base/mem.h"
#include "config/opt_value.h"

struct args_reader {
	struct opt_set *set;
	char **argv;
	int argc;
	int at;
	unsigned max_words;
	const char *bare_switch; /* the last switch without a value, if that was just now */
	struct buf *message;
};

static int args_refuse_unknown(struct args_reader *r, struct slice dashed, struct slice name)
{
	static const char *const builtin[] = {"help", "version", "json"};
	uint32_t before;

	buf_append_str(r->message, "unknown option ");
	buf_append_slice(r->message, slice_first(dashed, OPT_NAME_MAX));
	before = r->message->end;
	opt_suggest(r->set->table, name, OPT_STYLE_FLAG, r->message);
	for (size_t i = 0; i < ARRAY_LEN(builtin) && r->message->end == before; i++) {
		if (opt_is_near(name, slice_from_str(builtin[i])))
			buf_printf(r->message, "; did you mean --%s?", builtin[i]);
	}
	if (r->message->end == before)
		buf_append_str(r->message, " (--help lists them all)");
	return ERR_SYNTAX;
}

/* A secret would be readable in the process list by everybody on the machine. */
static int args_refuse_not_a_flag(struct args_reader *r, const struct opt *o)
{
	char env[OPT_NAME_MAX];

	opt_env_name(o, env);
	buf_printf(r->message, "--%s cannot be given on the command line%s; set %s", o->name,
		o->type == OPT_SECRET ? ", where every user of the machine could read it" : "",
		o->env_alias ? o->env_alias : env);
	if (opt_find_file_of(r->set->table, o))
		buf_printf(r->message, " or use --%s-file", o->name);
	return ERR_SYNTAX;
}

/* The value after the name: behind "=", in the next argument, or "true" for a bare switch. */
static int args_take_value(
	struct args_reader *r, const struct opt *o, struct slice arg, struct slice *value_out)
{
	const char *next = r->at + 1 < r->argc ? r->argv[r->at + 1] : NULL;
	size_t equals = slice_find(arg, '=');
	bool unused;

	if (equals < arg.len) {
		*value_out = slice_from(arg, equals + 1);
	} else if (o->type == OPT_BOOL &&
		(!next || opt_value_bool(slice_from_str(next), &unused))) {
		*value_out = SLICE("true");
		r->bare_switch = o->name;
	} else if (next && !slice_starts(slice_from_str(next), SLICE("--"))) {
		*value_out = slice_from_str(next);
		r->at++;
	} else {
		*value_out = SLICE("");
	}
	if (value_out->len)
		return 0;
	buf_printf(r->message, "--%s needs a value: --%s ", o->name, o->name);
	opt_print_hint(o, r->message);
	return ERR_SYNTAX;
}

/* What was meant to be a value, whatever it is. */
static bool args_has_value(const struct args_reader *r, struct slice arg)
{
	const char *next = r->at + 1 < r->argc ? r->argv[r->at + 1] : NULL;

	return slice_find(arg, '=') < arg.len || (next && next[0] != '-');
}

static int args_read_option(struct args_reader *r, struct slice arg)
{
	struct slice dashed = slice_first(arg, slice_find(arg, '='));
	struct slice name = slice_from(dashed, slice_starts(dashed, SLICE("--")) ? 2 : 1), value;
	const struct opt *o = opt_find(r->set->table, name);
	int err;

	r->bare_switch = NULL;
	if (!o || name.len + 2 != dashed.len)
		return args_refuse_unknown(r, dashed, name);
	if (opt_has(o, OPT_NO_FLAG) || (opt_has(o, OPT_ASKED) && args_has_value(r, arg)))
		return args_refuse_not_a_flag(r, o);
	if (opt_set_has(r->set, o, OPT_LAYER_FLAG)) {
		buf_printf(r->message, "--%s is given twice", o->name);
		return ERR_EXISTS;
	}
	if (opt_has(o, OPT_ASKED)) {
		opt_set_put(r->set, o, OPT_LAYER_FLAG, SLICE("-"), dashed);
		return 0;
	}
	err = args_take_value(r, o, arg, &value);
	if (!err)
		opt_set_put(r->set, o, OPT_LAYER_FLAG, value, dashed);
	/* It is part of argv, which the process list shows. */
	if (!err && o->type == OPT_SECRET)
		mem_wipe((char *)(uintptr_t)value.ptr, value.len);
	return err;
}

static int args_read_one(struct args_reader *r, struct args *args)
{
	const char *text = r->argv[r->at];
	struct slice arg = slice_from_str(text);

	if (slice_eq(arg, SLICE("-h")) || slice_eq(arg, SLICE("--help")))
		args->help = true;
	else if (slice_eq(arg, SLICE("--version")))
		args->version = true;
	else if (slice_eq(arg, SLICE("--json")))
		args->json = true;
	else if (arg.len > 1 && arg.ptr[0] == '-')
		return args_read_option(r, arg);
	else if (!args->command) {
		args->command = text;
		args->command_after = r->bare_switch;
	} else if (args->word_count < r->max_words) {
		args->words[args->word_count++] = text;
	} else {
		buf_append_str(r->message, "unexpected argument ");
		opt_quote(r->message, arg);
		return ERR_SYNTAX;
	}
	return 0;
}

int args_read(struct opt_set *set, const struct args_line *line, struct args *args_out,
	struct buf *message)
{
	struct args_reader reader = {
		.set = set,
		.argv = line->argv,
		.argc = line->argc,
		.max_words = line->max_words,
		.message = message,
	};
	int err = 0;

	*args_out = (struct args) {0};
	for (reader.at = 1; reader.at < line->argc && !err; reader.at++) {
		err = args_read_one(&reader, args_out);
		if (args_out->help || args_out->version)
			break;
	}
	return err;
}
