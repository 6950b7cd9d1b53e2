/*
 * Sorts environment variables into an option set, from the process and from .env files. Lines
 * of a .env file that are meant for other programs may look as they like.
 */
#include "config/env.h"

#include "base/err.h"
#include "base/mem.h"
#include "config/dotenv.h"

static void env_warn_unknown(
	const struct opt_set *set, struct slice key, struct slice where, struct buf *warnings)
{
	if (!slice_starts(key, slice_from_str(opt_env_prefix(set->table))))
		return;
	buf_append_slice(warnings, where);
	buf_append_str(warnings, " is not an option and has no effect");
	opt_suggest(set->table, key, OPT_STYLE_ENV, warnings);
	buf_append_char(warnings, '\n');
}

/* A second name counts where the first one says nothing, in whichever order they stand. */
static bool env_is_said_better(const struct opt_set *set, const struct opt *o, struct slice key)
{
	return o->env_alias && slice_eq(key, slice_from_str(o->env_alias)) &&
		opt_set_has(set, o, OPT_LAYER_ENV);
}

void env_read(struct opt_set *set, char **environ_list, struct buf *warnings)
{
	struct buf where;

	buf_init(&where);
	for (char **at = environ_list; at && *at; at++) {
		struct slice pair = slice_from_str(*at),
			     key = slice_first(pair, slice_find(pair, '='));
		struct slice value = slice_from(pair, key.len + 1);
		const struct opt *o = opt_find_env(set->table, key);

		buf_clear(&where);
		buf_printf(&where, "%.*s in the environment",
			SLICE_ARG(slice_first(key, OPT_NAME_MAX)));
		if (!o)
			env_warn_unknown(set, key, buf_slice(&where), warnings);
		else if (value.len && !env_is_said_better(set, o, key))
			opt_set_put(set, o, OPT_LAYER_ENV, value, buf_slice(&where));
	}
	buf_release(&where);
}

void env_forget_secrets(const struct opt_table *table, char **environ_list)
{
	for (char **at = environ_list; at && *at; at++) {
		size_t name_len = slice_find(slice_from_str(*at), '=');
		const struct opt *o = opt_find_env(table, slice_of(*at, name_len));

		if (o && o->type == OPT_SECRET && (*at)[name_len])
			mem_wipe(*at + name_len + 1, strlen(*at + name_len + 1));
	}
}

const char *env_get(char **environ_list, const char *name)
{
	struct slice wanted = slice_from_str(name);

	for (char **at = environ_list; at && *at; at++) {
		struct slice pair = slice_from_str(*at);

		if (slice_eq(slice_first(pair, slice_find(pair, '=')), wanted))
			return slice_from(pair, wanted.len + 1).ptr;
	}
	return NULL;
}

static int env_put_entry(struct opt_set *set, enum opt_layer layer,
	const struct dotenv_entry *entry, struct slice where, const struct opt_report *report)
{
	const struct opt *o = opt_find_env(set->table, entry->key);

	if (!o) {
		env_warn_unknown(set, entry->key, where, report->warnings);
		return 0;
	}
	if (entry->fault) {
		buf_printf(report->message, "%.*s: %s", SLICE_ARG(where), entry->fault);
		return ERR_SYNTAX;
	}
	if (entry->value.len)
		opt_set_put(set, o, layer, entry->value, where);
	return 0;
}

int env_read_dotenv(struct opt_set *set, enum opt_layer layer, const char *file, struct slice text,
	const struct opt_report *report)
{
	struct dotenv_entry entry;
	struct dotenv parser;
	struct buf where;
	int err = 0;

	buf_init(&where);
	dotenv_init(&parser, text);
	while (!err && dotenv_next(&parser, &entry)) {
		buf_clear(&where);
		buf_printf(&where, "%s:%u", file, entry.line);
		if (!entry.key.len) {
			buf_printf(report->warnings,
				"%s:%u: not of the form KEY=VALUE, passed over\n", file,
				entry.line);
			continue;
		}
		buf_append_str(&where, ": ");
		buf_append_slice(&where, slice_first(entry.key, OPT_NAME_MAX));
		err = env_put_entry(set, layer, &entry, buf_slice(&where), report);
	}
	dotenv_deinit(&parser);
	buf_release(&where);
	return err;
}
