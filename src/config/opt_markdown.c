/* Writes the reference part of a page about configuration from an option table. */
#include "config/opt_markdown.h"

#include "config/opt_help.h"
#include "config/opt_number.h"

/* A bar would end the cell, and what looks like a tag would not be shown. */
static void opt_markdown_escape(const char *text, struct buf *out)
{
	for (const char *c = text; *c; c++) {
		if (*c == '|' || *c == '<')
			buf_append_char(out, '\\');
		buf_append_char(out, *c);
	}
}

static void opt_markdown_print_value(const struct opt *o, struct buf *out)
{
	static const char *const words[] = {
		[OPT_PORT] = "port",
		[OPT_INT] = "number",
		[OPT_SIZE] = "size",
		[OPT_MS] = "time (ms)",
		[OPT_SECONDS] = "time (s)",
		[OPT_TEXT] = "text",
		[OPT_FILE] = "file",
		[OPT_ADDRESS] = "IP address",
		[OPT_HOST] = "host name",
		[OPT_URL] = "URL or path",
		[OPT_SECRET] = "secret",
		[OPT_LIST] = "list",
	};
	struct buf hint;

	if (o->type == OPT_BOOL || o->type == OPT_ENUM) {
		buf_init(&hint);
		opt_print_hint(o, &hint);
		buf_append_char(&hint, '\0');
		opt_markdown_escape(hint.base + hint.start, out);
		buf_release(&hint);
		return;
	}
	buf_append_str(out, words[o->type]);
	if (o->type >= OPT_PORT && o->type <= OPT_SECONDS) {
		buf_append_str(out, ", ");
		opt_number_print_bounds(o, out);
	}
}

static void opt_markdown_print_default(const struct opt *o, struct buf *out)
{
	if (!o->fallback) {
		buf_append_str(out, "-");
		return;
	}
	if (o->type == OPT_LIST) {
		buf_append_str(out, "see below");
		return;
	}
	buf_append_char(out, '`');
	opt_help_print_default(o, out);
	buf_append_char(out, '`');
}

static void opt_markdown_print_row(
	const struct opt *o, const struct opt_markdown_style *style, struct buf *out)
{
	char env[OPT_NAME_MAX];

	opt_env_name(o, env);
	if (opt_has(o, OPT_NO_FLAG))
		buf_append_str(out, "| - ");
	else
		buf_printf(out, "| `--%s` ", o->name);
	buf_printf(out, "| `%s`", env);
	if (o->env_alias)
		buf_printf(out, ", `%s`", o->env_alias);
	buf_append_str(out, " | ");
	opt_markdown_print_value(o, out);
	buf_append_str(out, " | ");
	opt_markdown_print_default(o, out);
	buf_append_str(out, " | ");
	if (style->has_reload)
		buf_append_str(out, opt_has(o, OPT_RESTART) ? "restart | " : "reload | ");
	opt_markdown_escape(o->doc, out);
	if (opt_has(o, OPT_NO_FILE))
		buf_printf(out, " %s", style->no_file);
	buf_append_str(out, " |\n");
}

static void opt_markdown_print_head(
	const char *group, const struct opt_markdown_style *style, struct buf *out)
{
	buf_printf(out, "\n### %s\n\n| Option | Environment | Value | Default | %sWhat it does |\n",
		group, style->has_reload ? "Change by | " : "");
	buf_append_str(out, "| --- | --- | --- | --- | --- |");
	buf_append_str(out, style->has_reload ? " --- |\n" : "\n");
}

void opt_markdown_print(
	const struct opt_table *table, const struct opt_markdown_style *style, struct buf *out)
{
	const struct opt *last = NULL;

	for (size_t i = 0; i < table->count; i++) {
		const struct opt *o = &table->opts[i];

		if (!last || last->group != o->group)
			opt_markdown_print_head(table->groups[o->group], style, out);
		opt_markdown_print_row(o, style, out);
		last = o;
	}
	for (size_t i = 0; i < table->count; i++) {
		if (table->opts[i].type == OPT_LIST && table->opts[i].fallback)
			buf_printf(out, "\nThe default of `%s` is `%s`.\n", table->opts[i].name,
				table->opts[i].fallback);
	}
}
