/*
 * Looking up options by any of their names, and guessing which one was meant when there is no
 * such name. Everything that reads options calls this; it knows nothing of values.
 */
#include "config/opt.h"

#include <stdio.h>

#include "base/check.h"

#define OPT_QUOTE_MAX 80u

const struct opt *opt_find(const struct opt_table *table, struct slice name)
{
	for (size_t i = 0; i < table->count; i++) {
		if (slice_eq(slice_from_str(table->opts[i].name), name))
			return &table->opts[i];
	}
	return NULL;
}

const char *opt_env_prefix(const struct opt_table *table)
{
	return table->opts[0].env_prefix ? table->opts[0].env_prefix : OPT_ENV_PREFIX;
}

void opt_env_name(const struct opt *o, char out[OPT_NAME_MAX])
{
	int n = snprintf(
		out, OPT_NAME_MAX, "%s%s", o->env_prefix ? o->env_prefix : OPT_ENV_PREFIX, o->name);

	CHECK(n > 0 && n < OPT_NAME_MAX);
	for (char *at = out; *at; at++) {
		if (*at == '-')
			*at = '_';
		else if (*at >= 'a' && *at <= 'z')
			*at = (char)(*at - 'a' + 'A');
	}
}

const struct opt *opt_find_env(const struct opt_table *table, struct slice name)
{
	for (size_t i = 0; i < table->count; i++) {
		const struct opt *o = &table->opts[i];
		char env[OPT_NAME_MAX];

		opt_env_name(o, env);
		if (slice_eq(slice_from_str(env), name) ||
			(o->env_alias && slice_eq(slice_from_str(o->env_alias), name)))
			return o;
	}
	return NULL;
}

const struct opt *opt_find_file_of(const struct opt_table *table, const struct opt *o)
{
	char name[OPT_NAME_MAX];
	int len = snprintf(name, sizeof(name), "%s-file", o->name);

	return opt_find(table, slice_of(name, (size_t)len));
}

size_t opt_index(const struct opt_table *table, const struct opt *o)
{
	CHECK(o >= table->opts && o < table->opts + table->count);
	return (size_t)(o - table->opts);
}

static unsigned opt_min(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Edits between two words; two neighbours that changed places count as one. */
static unsigned opt_distance(struct slice a, struct slice b)
{
	unsigned rows[3][OPT_NAME_MAX + 1];
	unsigned *before = rows[0], *last = rows[1], *now = rows[2];

	for (size_t j = 0; j <= b.len; j++)
		last[j] = (unsigned)j;
	for (size_t i = 1; i <= a.len; i++) {
		unsigned *spare = before;

		now[0] = (unsigned)i;
		for (size_t j = 1; j <= b.len; j++) {
			bool same = a.ptr[i - 1] == b.ptr[j - 1];

			now[j] = opt_min(opt_min(last[j], now[j - 1]) + 1, last[j - 1] + !same);
			if (i > 1 && j > 1 && a.ptr[i - 1] == b.ptr[j - 2] &&
				a.ptr[i - 2] == b.ptr[j - 1])
				now[j] = opt_min(now[j], before[j - 2] + 1);
		}
		before = last;
		last = now;
		now = spare;
	}
	return last[b.len];
}

/* How far text is from word; a beginning of at least three letters is near. */
static unsigned opt_far(struct slice text, struct slice word)
{
	if (!text.len || text.len > OPT_NAME_MAX || word.len > OPT_NAME_MAX)
		return OPT_NAME_MAX;
	if (text.len >= 3 && slice_starts(word, text))
		return 1;
	return opt_distance(text, word);
}

static unsigned opt_far_limit(struct slice text)
{
	return text.len < 4 ? 1 : text.len < 9 ? 2 : 3;
}

bool opt_is_near(struct slice text, struct slice word)
{
	return opt_far(text, word) <= opt_far_limit(text);
}

static const char *opt_spell(const struct opt *o, enum opt_style style, char env[OPT_NAME_MAX])
{
	if (style != OPT_STYLE_ENV)
		return o->name;
	opt_env_name(o, env);
	return env;
}

void opt_suggest(
	const struct opt_table *table, struct slice text, enum opt_style style, struct buf *out)
{
	unsigned best = opt_far_limit(text) + 1;
	const struct opt *found = NULL;
	char env[OPT_NAME_MAX];

	for (size_t i = 0; i < table->count; i++) {
		const struct opt *o = &table->opts[i];
		unsigned far = opt_far(text, slice_from_str(opt_spell(o, style, env)));

		if ((style == OPT_STYLE_FLAG && opt_has(o, OPT_NO_FLAG)) ||
			(style == OPT_STYLE_KEY && opt_has(o, OPT_NO_FILE)) || far >= best)
			continue;
		best = far;
		found = o;
	}
	if (found)
		buf_printf(out, "; did you mean %s%s?", style == OPT_STYLE_FLAG ? "--" : "",
			opt_spell(found, style, env));
}

void opt_quote(struct buf *out, struct slice text)
{
	struct slice shown = slice_first(text, OPT_QUOTE_MAX);

	buf_append_char(out, '"');
	for (size_t i = 0; i < shown.len; i++) {
		unsigned char c = (unsigned char)shown.ptr[i];

		buf_append_char(out, c < 0x20 || c == 0x7f ? '?' : (char)c);
	}
	buf_append_str(out, shown.len < text.len ? "...\"" : "\"");
}

void opt_print_hint(const struct opt *o, struct buf *out)
{
	static const char *const hints[] = {
		[OPT_BOOL] = "true|false",
		[OPT_PORT] = "PORT",
		[OPT_INT] = "N",
		[OPT_SIZE] = "SIZE",
		[OPT_MS] = "MS",
		[OPT_SECONDS] = "SECONDS",
		[OPT_TEXT] = "TEXT",
		[OPT_FILE] = "FILE",
		[OPT_ADDRESS] = "ADDRESS",
		[OPT_HOST] = "HOST",
		[OPT_URL] = "URL",
		[OPT_SECRET] = "SECRET",
		[OPT_LIST] = "A,B,...",
		[OPT_ENUM] = "",
	};

	if (o->type == OPT_BOOL && o->fallback && o->fallback[0] == 'o') {
		buf_append_str(out, "on|off");
		return;
	}
	buf_append_str(out, hints[o->type]);
	for (size_t i = 0; o->type == OPT_ENUM && o->values[i]; i++)
		buf_printf(out, "%s%s", i ? "|" : "", o->values[i]);
}
