/* Escaping by rune, behind a fast way for the text that needs none: nearly all of it. */
#include "base/log_text.h"

#include <time.h>

#include "base/utf8.h"

#define LOG_TEXT_EACH_BYTE 0x0101010101010101u
#define LOG_TEXT_HIGH_BITS 0x8080808080808080u

static bool log_text_is_clean(unsigned char c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

static uint64_t log_text_has_byte(uint64_t word, unsigned char c)
{
	uint64_t differ = word ^ LOG_TEXT_EACH_BYTE * c;

	return (differ - LOG_TEXT_EACH_BYTE) & ~differ;
}

/* The same as log_text_is_clean of eight bytes, in a dozen instructions. */
static bool log_text_is_clean_word(uint64_t word)
{
	uint64_t control = (word - LOG_TEXT_EACH_BYTE * 0x20) & ~word;

	return !((word | control | log_text_has_byte(word, '"') | log_text_has_byte(word, '\\') |
			 log_text_has_byte(word, 0x7f)) &
		LOG_TEXT_HIGH_BITS);
}

/* Copies the longest front part that stands for itself; returns its length. */
static size_t log_text_copy_clean(char *out, struct slice s)
{
	uint64_t word;
	size_t i = 0;

	while (s.len - i >= sizeof(word)) {
		memcpy(&word, s.ptr + i, sizeof(word));
		if (!log_text_is_clean_word(word))
			break;
		memcpy(out + i, &word, sizeof(word));
		i += sizeof(word);
	}
	for (; i < s.len && log_text_is_clean((unsigned char)s.ptr[i]); i++)
		out[i] = s.ptr[i];
	return i;
}

/* C1 controls steer terminals; separators and direction marks make lines look like others. */
static bool log_text_is_hidden(uint32_t rune)
{
	return (rune >= 0x80 && rune <= 0x9f) || (rune >= 0x2028 && rune <= 0x202e) ||
		(rune >= 0x2066 && rune <= 0x2069);
}

static char *log_text_put_hex(char *out, char kind, unsigned digits, uint32_t value)
{
	*out++ = '\\';
	*out++ = kind;
	while (digits--)
		*out++ = "0123456789abcdef"[value >> (4 * digits) & 0xf];
	return out;
}

static char *log_text_put_ascii(char *out, unsigned char c)
{
	static const char from[] = "\"\\\n\r\t", to[] = "\"\\nrt";
	const char *at = c ? strchr(from, c) : NULL;

	if (!at)
		return log_text_put_hex(out, 'u', 4, c);
	*out++ = '\\';
	*out++ = to[at - from];
	return out;
}

/* Takes one byte or rune that is not clean off the front. */
static char *log_text_put_rune(char *out, struct slice *rest, bool json)
{
	unsigned char first = (unsigned char)rest->ptr[0];
	uint32_t rune = 0;
	size_t len = 1;

	if (first < 0x80) {
		out = log_text_put_ascii(out, first);
	} else if (!(len = utf8_rune(*rest, &rune))) {
		len = 1;
		out = json ? log_text_put_hex(out, 'u', 4, 0xfffd)
			   : log_text_put_hex(out, 'x', 2, first);
	} else if (log_text_is_hidden(rune)) {
		out = log_text_put_hex(out, 'u', 4, rune);
	} else {
		memcpy(out, rest->ptr, len);
		out += len;
	}
	*rest = slice_from(*rest, len);
	return out;
}

/* What is shown of a value; a rune is not cut in two. */
static struct slice log_text_cut(struct slice value)
{
	size_t len = LOG_TEXT_CUT;

	if (value.len <= len)
		return value;
	while (len > LOG_TEXT_CUT - 3 && (unsigned char)value.ptr[len] >> 6 == 0x2)
		len--;
	return slice_first(value, len);
}

static char *log_text_escape(char *out, struct slice value, bool json)
{
	struct slice rest = log_text_cut(value);
	bool is_cut = rest.len < value.len;

	while (rest.len) {
		size_t clean = log_text_copy_clean(out, rest);

		out += clean;
		rest = slice_from(rest, clean);
		if (rest.len)
			out = log_text_put_rune(out, &rest, json);
	}
	if (is_cut) {
		memcpy(out, "\u2026", 3);
		out += 3;
	}
	return out;
}

char *log_text_json(char *out, struct slice value)
{
	*out++ = '"';
	out = log_text_escape(out, value, true);
	*out++ = '"';
	return out;
}

char *log_text_bare(char *out, struct slice value)
{
	return log_text_escape(out, value, false);
}

char *log_text_plain(char *out, struct slice value)
{
	if (value.len && value.len <= LOG_TEXT_CUT && !memchr(value.ptr, ' ', value.len) &&
		log_text_copy_clean(out, value) == value.len)
		return out + value.len;
	*out++ = '"';
	out = log_text_escape(out, value, false);
	*out++ = '"';
	return out;
}

static char *log_text_put_time(const struct log_text_clock *clock, char *out, uint64_t wall_ms)
{
	unsigned ms = (unsigned)(wall_ms % 1000);

	memcpy(out, clock->text, clock->len);
	out += clock->len;
	*out++ = (char)('0' + ms / 100);
	*out++ = (char)('0' + ms / 10 % 10);
	*out++ = (char)('0' + ms % 10);
	return out;
}

char *log_text_time_utc(struct log_text_clock *clock, char *out, uint64_t wall_ms)
{
	time_t second = (time_t)(wall_ms / 1000);
	struct tm parts;

	if (!clock->len || clock->second != wall_ms / 1000) {
		gmtime_r(&second, &parts);
		clock->len =
			strftime(clock->text, sizeof(clock->text), "%Y-%m-%dT%H:%M:%S.", &parts);
		clock->second = wall_ms / 1000;
	}
	out = log_text_put_time(clock, out, wall_ms);
	*out++ = 'Z';
	return out;
}

char *log_text_time_local(struct log_text_clock *clock, char *out, uint64_t wall_ms)
{
	time_t second = (time_t)(wall_ms / 1000);
	struct tm parts;

	if (!clock->len || clock->second != wall_ms / 1000) {
		localtime_r(&second, &parts);
		clock->len = strftime(clock->text, sizeof(clock->text), "%H:%M:%S.", &parts);
		clock->second = wall_ms / 1000;
	}
	return log_text_put_time(clock, out, wall_ms);
}
