/*
 * The first line of a visitor's stream. What is written here always fits and always parses: each
 * word has its own limit, and one that is over it, or is no word, becomes "-".
 */
#include "proto/visitor_line.h"

#include "base/num.h"

#define VISITOR_LINE_WORDS 7
#define VISITOR_LINE_ADDRESS_MAX 64u /* IPv6 with the name of an interface */
#define VISITOR_LINE_SCHEME_MAX 16u
#define VISITOR_LINE_ID_MAX 64u

/* Three numbers of ten, five and five digits, the words, the blanks between and the line end. */
_Static_assert(10 + 5 + 5 + 2 * VISITOR_LINE_ADDRESS_MAX + VISITOR_LINE_SCHEME_MAX +
			VISITOR_LINE_ID_MAX + VISITOR_LINE_WORDS <=
		VISITOR_LINE_MAX,
	"a line has room for its longest words");

/* Whether all bytes are ASCII from the given one to the tilde; eight at a time. */
static bool visitor_line_is_from(struct slice s, char lowest)
{
	const uint64_t ones = UINT64_MAX / 0xff;
	uint64_t word;
	size_t at = 0;

	for (; s.len - at >= sizeof(word); at += sizeof(word)) {
		memcpy(&word, s.ptr + at, sizeof(word));
		if (((word - ones * lowest) | (word + ones) | word) & (ones * 0x80))
			return false;
	}
	for (; at < s.len; at++) {
		if (s.ptr[at] < lowest || s.ptr[at] > '~')
			return false;
	}
	return true;
}

static bool visitor_line_is_word(struct slice s)
{
	return s.len && visitor_line_is_from(s, '!');
}

static char *visitor_line_put_word(char *at, struct slice word, size_t max)
{
	*at++ = ' ';
	if (word.len > max || !visitor_line_is_word(word))
		word = SLICE("-");
	memcpy(at, word.ptr, word.len);
	return at + word.len;
}

static char *visitor_line_put_port(char *at, uint16_t port)
{
	*at++ = ' ';
	if (port)
		return at + num_print_u64(port, at);
	*at = '-';
	return at + 1;
}

void visitor_line_write(struct buf *out, const struct visitor_line *line)
{
	/* A number ends in a NUL, which what follows it overwrites. */
	char *start = buf_reserve(out, VISITOR_LINE_MAX), *at = start;

	at += num_print_u64(line->tunnel, at);
	at = visitor_line_put_word(at, line->visitor, VISITOR_LINE_ADDRESS_MAX);
	at = visitor_line_put_port(at, line->visitor_port);
	at = visitor_line_put_word(at, line->public_address, VISITOR_LINE_ADDRESS_MAX);
	at = visitor_line_put_port(at, line->public_port);
	at = visitor_line_put_word(at, line->scheme, VISITOR_LINE_SCHEME_MAX);
	at = visitor_line_put_word(at, line->request_id, VISITOR_LINE_ID_MAX);
	*at++ = '\n';
	buf_commit(out, (size_t)(at - start));
}

static struct slice visitor_line_word(struct slice text)
{
	return slice_eq(text, SLICE("-")) ? (struct slice) {0} : text;
}

static bool visitor_line_number(struct slice text, uint64_t max, uint64_t *value_out)
{
	return num_parse_u64(text, value_out) == 0 && *value_out != 0 && *value_out <= max;
}

static bool visitor_line_port(struct slice text, uint16_t *port_out)
{
	uint64_t port = 0;

	if (!slice_eq(text, SLICE("-")) && !visitor_line_number(text, UINT16_MAX, &port))
		return false;
	*port_out = (uint16_t)port;
	return true;
}

/* The words of a line without its line end; false unless there are just as many as must be. */
static bool visitor_line_split(struct slice line, struct slice words[VISITOR_LINE_WORDS])
{
	for (size_t i = 0; i < VISITOR_LINE_WORDS; i++) {
		size_t end = slice_find(line, ' ');

		words[i] = slice_first(line, end);
		if (!end || (i + 1 < VISITOR_LINE_WORDS) == (end == line.len))
			return false;
		line = slice_from(line, end + 1);
	}
	return true;
}

/* Where the line ends; false when a byte before that can stand in no line. */
static bool visitor_line_find_end(struct slice in, size_t *end_out)
{
	size_t end = slice_find(in, '\n');

	*end_out = end;
	return end < VISITOR_LINE_MAX && visitor_line_is_from(slice_first(in, end), ' ');
}

enum parse_result visitor_line_parse(
	struct slice in, struct visitor_line *line_out, size_t *size_out)
{
	struct slice words[VISITOR_LINE_WORDS];
	struct visitor_line line = {0};
	uint64_t tunnel;
	size_t end;

	if (!visitor_line_find_end(slice_first(in, VISITOR_LINE_MAX), &end))
		return PARSE_BAD;
	if (end == in.len)
		return PARSE_MORE;
	if (!visitor_line_split(slice_first(in, end), words))
		return PARSE_BAD;
	if (!visitor_line_number(words[0], INT32_MAX, &tunnel) ||
		!visitor_line_port(words[2], &line.visitor_port) ||
		!visitor_line_port(words[4], &line.public_port))
		return PARSE_BAD;
	line.tunnel = (uint32_t)tunnel;
	line.visitor = visitor_line_word(words[1]);
	line.public_address = visitor_line_word(words[3]);
	line.scheme = visitor_line_word(words[5]);
	line.request_id = visitor_line_word(words[6]);
	*line_out = line;
	*size_out = end + 1;
	return PARSE_DONE;
}
