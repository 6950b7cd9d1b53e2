/* Lays out --help from an option table. */
#include "config/opt_help.h"

#include "config/opt_number.h"

#define HELP_INDENT 28u
#define HELP_WIDTH_MIN 60u
#define HELP_WIDTH_MAX 100u

static void opt_help_pad(struct buf *out, size_t count)
{
	while (count--)
		buf_append_char(out, ' ');
}

static void opt_help_style(struct buf *out, bool colour, const char *code)
{
	if (colour)
		buf_printf(out, "\x1b[%sm", code);
}

void opt_help_print_heading(const char *text, bool colour, struct buf *out)
{
	opt_help_style(out, colour, "1");
	buf_append_str(out, text);
	opt_help_style(out, colour, "0");
	buf_append_char(out, '\n');
}

/* Lists get blanks, so that they can be wrapped. */
static void opt_help_print_words(const char *text, struct buf *out)
{
	for (const char *c = text; *c; c++) {
		buf_append_char(out, *c);
		if (*c == ',')
			buf_append_char(out, ' ');
	}
}

void opt_help_print_default(const struct opt *o, struct buf *out)
{
	struct buf unused;
	uint64_t value;

	if (!o->fallback)
		return;
	buf_init(&unused);
	if (o->type >= OPT_PORT && o->type <= OPT_SECONDS &&
		!opt_number_parse(o, slice_from_str(o->fallback), &value, &unused))
		opt_number_print(o, value, out);
	else
		opt_help_print_words(o->fallback, out);
	buf_release(&unused);
}

/* Words of text from column on, broken before width, each new line indented. */
static void opt_help_wrap(struct slice text, unsigned width, struct buf *out)
{
	struct slice rest = text, word;
	size_t column = HELP_INDENT;

	while (slice_split(&rest, ' ', &word)) {
		bool is_first = column == HELP_INDENT;

		if (!is_first && column + 1 + word.len > width) {
			buf_append_char(out, '\n');
			opt_help_pad(out, HELP_INDENT);
			column = HELP_INDENT;
		} else if (!is_first) {
			buf_append_char(out, ' ');
			column++;
		}
		buf_append_slice(out, word);
		column += word.len;
	}
	buf_append_char(out, '\n');
}

/* A switch that is off by default: its name alone turns it on. */
static bool opt_help_is_off_switch(const struct opt *o)
{
	return opt_has(o, OPT_ASKED) ||
		(o->type == OPT_BOOL && o->fallback && strcmp(o->fallback, "on") != 0);
}

/* What a person types: "--port PORT", a switch alone, or a variable that is no flag. */
static void opt_help_print_names(const struct opt *o, bool colour, struct buf *out)
{
	char env[OPT_NAME_MAX];
	struct buf name, hint;
	size_t used;

	opt_env_name(o, env);
	buf_init(&name);
	buf_init(&hint);
	if (opt_has(o, OPT_NO_FLAG))
		buf_append_str(&name, o->env_alias ? o->env_alias : env);
	else
		buf_printf(&name, "--%s", o->name);
	if (!opt_has(o, OPT_NO_FLAG) && !opt_help_is_off_switch(o)) {
		buf_append_char(&hint, ' ');
		opt_print_hint(o, &hint);
	}
	used = 2 + buf_len(&name) + buf_len(&hint);
	buf_append_str(out, "  ");
	opt_help_style(out, colour, "36");
	buf_append_slice(out, buf_slice(&name));
	opt_help_style(out, colour, "0");
	buf_append_slice(out, buf_slice(&hint));
	if (used + 2 > HELP_INDENT) {
		buf_append_char(out, '\n');
		used = 0;
	}
	opt_help_pad(out, HELP_INDENT - used);
	buf_release(&name);
	buf_release(&hint);
}

/* " [default 80; LT_PORT]" */
static void opt_help_print_more(const struct opt *o, const char *env, struct buf *out)
{
	buf_append_str(out, " [");
	if (o->fallback) {
		buf_append_str(out, "default ");
		opt_help_print_default(o, out);
		buf_append_str(out, "; ");
	}
	buf_append_str(out, env);
	if (o->env_alias)
		buf_printf(out, " or %s", o->env_alias);
	buf_append_char(out, ']');
}

static void opt_help_print_one(const struct opt *o, unsigned width, bool colour, struct buf *out)
{
	char env[OPT_NAME_MAX];
	struct buf text;

	opt_env_name(o, env);
	buf_init(&text);
	buf_append_str(&text, o->doc);
	/* What has one name only stands under it already. */
	if (!opt_has(o, OPT_NO_ENV) && (!opt_has(o, OPT_NO_FLAG) || o->env_alias))
		opt_help_print_more(o, env, &text);
	opt_help_print_names(o, colour, out);
	opt_help_wrap(buf_slice(&text), width, out);
	buf_release(&text);
}

void opt_help_print(const struct opt_table *table, unsigned width, bool colour, struct buf *out)
{
	const struct opt *last = NULL;

	if (width < HELP_WIDTH_MIN)
		width = HELP_WIDTH_MIN;
	if (width > HELP_WIDTH_MAX)
		width = HELP_WIDTH_MAX;
	for (size_t i = 0; i < table->count; i++) {
		const struct opt *o = &table->opts[i];

		if (!last || last->group != o->group) {
			buf_append_char(out, '\n');
			opt_help_print_heading(table->groups[o->group], colour, out);
		}
		opt_help_print_one(o, width, colour, out);
		last = o;
	}
}
