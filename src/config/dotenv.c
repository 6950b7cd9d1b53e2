/*
 * Reads .env files the way people write them. A number sign only starts a comment at the
 * beginning of a line or after a blank, because unquoted secrets may have one inside.
 */
#include "config/dotenv.h"

#include "base/mem.h"

void dotenv_init(struct dotenv *d, struct slice text)
{
	if (slice_starts(text, SLICE("\xef\xbb\xbf")))
		text = slice_from(text, 3);
	*d = (struct dotenv) {.rest = text, .line = 1};
}

static void dotenv_forget(struct dotenv *d)
{
	if (d->scratch.base)
		mem_wipe(d->scratch.base, d->scratch.cap);
	buf_release(&d->scratch);
}

void dotenv_deinit(struct dotenv *d)
{
	dotenv_forget(d);
}

static struct slice dotenv_take_line(struct dotenv *d)
{
	size_t end = slice_find(d->rest, '\n');
	struct slice line = slice_first(d->rest, end);

	d->rest = slice_from(d->rest, end + 1);
	d->line++;
	return line;
}

static bool dotenv_is_key_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		c == '_' || c == '.' || c == '-';
}

/* Takes "export KEY =" off the line; an empty key says that there is none. */
static struct slice dotenv_take_key(struct slice *line)
{
	struct slice rest = slice_trim_lines(*line), key;
	size_t len = 0;

	if (slice_starts(rest, SLICE("export ")) || slice_starts(rest, SLICE("export\t")))
		rest = slice_trim(slice_from(rest, 7));
	while (len < rest.len && dotenv_is_key_char(rest.ptr[len]))
		len++;
	key = slice_first(rest, len);
	rest = slice_trim(slice_from(rest, len));
	if (!rest.len || rest.ptr[0] != '=')
		return slice_first(rest, 0);
	*line = slice_trim(slice_from(rest, 1));
	return key;
}

static struct slice dotenv_cut_comment(struct slice value)
{
	for (size_t i = 0; i < value.len; i++) {
		if (value.ptr[i] != '#')
			continue;
		if (i == 0 || value.ptr[i - 1] == ' ' || value.ptr[i - 1] == '\t')
			return slice_trim_lines(slice_first(value, i));
	}
	return value;
}

/* Where the closing quote stands, or text.len; text starts behind the opening one. */
static size_t dotenv_find_quote(struct slice text, char quote)
{
	size_t i = 0;

	while (i < text.len && text.ptr[i] != quote)
		i += text.ptr[i] == '\\' && quote == '"' ? 2 : 1;
	return i < text.len ? i : text.len;
}

static struct slice dotenv_unescape(struct dotenv *d, struct slice text)
{
	/* One reservation, so that growing leaves no copy of a secret behind. */
	char *out = buf_reserve(&d->scratch, text.len + 1);
	size_t len = 0;

	for (size_t i = 0; i < text.len; i++) {
		char next = i + 1 < text.len ? text.ptr[i + 1] : '\0';
		const char *at = next ? strchr("n\nr\rt\t\"\"\\\\", next) : NULL;
		bool is_escape =
			text.ptr[i] == '\\' && at && next != '\n' && next != '\r' && next != '\t';

		out[len++] = is_escape ? at[1] : text.ptr[i];
		i += is_escape;
	}
	buf_commit(&d->scratch, len);
	return buf_slice(&d->scratch);
}

/* What may stand behind a closing quote on its line. */
static bool dotenv_is_tail(struct slice tail)
{
	tail = slice_trim_lines(tail);
	return !tail.len || tail.ptr[0] == '#';
}

/* text starts at the opening quote and goes on to the end of the file. */
static void dotenv_read_quoted(struct dotenv *d, struct slice text, struct dotenv_entry *entry)
{
	char quote = text.ptr[0];
	struct slice body = slice_from(text, 1), tail;
	size_t end = dotenv_find_quote(body, quote);

	if (end == body.len) {
		entry->fault = "the quote is never closed";
		return;
	}
	tail = slice_from(body, end + 1);
	if (!dotenv_is_tail(slice_first(tail, slice_find(tail, '\n')))) {
		entry->fault = "there is text behind the closing quote";
		return;
	}
	body = slice_first(body, end);
	for (size_t i = 0; i < body.len; i++)
		d->line += body.ptr[i] == '\n';
	d->rest = slice_from(tail, slice_find(tail, '\n') + 1);
	entry->value = quote == '"' ? dotenv_unescape(d, body) : body;
}

bool dotenv_next(struct dotenv *d, struct dotenv_entry *entry_out)
{
	struct slice all, line;

	dotenv_forget(d);
	do {
		if (!d->rest.len)
			return false;
		*entry_out = (struct dotenv_entry) {.line = d->line};
		all = d->rest;
		line = slice_trim_lines(dotenv_take_line(d));
	} while (!line.len || line.ptr[0] == '#');
	entry_out->key = dotenv_take_key(&line);
	if (!entry_out->key.len)
		return true;
	if (line.len && strchr("'\"`", line.ptr[0]) && line.ptr[0])
		dotenv_read_quoted(d, slice_from(all, (size_t)(line.ptr - all.ptr)), entry_out);
	else
		entry_out->value = dotenv_cut_comment(line);
	if (memchr(entry_out->value.ptr ? entry_out->value.ptr : "", '\0', entry_out->value.len))
		entry_out->fault = "the value has a zero byte";
	return true;
}
