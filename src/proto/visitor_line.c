/*
 * The first line of a visitor's stream. What is written here always fits and always parses: each
 * word has its own limit, and one that is over it, or is no word, becomes "-".
 */
#include "proto/visitor_line.h"

#include <endian.h>

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

/* How many bytes at the front are visible ASCII, as words are; eight at a time. */
static inline size_t visitor_line_span(struct slice s)
{
	const uint64_t ones = UINT64_MAX / 0xff;
	uint64_t word;
	size_t at = 0;

	for (; s.len - at >= sizeof(word); at += sizeof(word)) {
		memcpy(&word, s.ptr + at, sizeof(word));
		word = le64toh(word);
		/* The lowest bit belongs to the first such byte: borrows mark those above it. */
		word = ((word - ones * '!') | (word + ones) | word) & (ones * 0x80);
		if (word)
			return at + (size_t)__builtin_ctzll(word) / 8;
	}
	while (at < s.len && s.ptr[at] >= '!' && s.ptr[at] <= '~')
		at++;
	return at;
}

static inline char *visitor_line_put_word(char *at, struct slice word, size_t max)
{
	*at++ = ' ';
	if (!word.len || word.len > max || visitor_line_span(word) < word.len)
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

/* Takes the words one by one, each judged as it comes. *end_out is where the line ends. */
static enum parse_result visitor_line_split(
	struct slice in, struct slice words[VISITOR_LINE_WORDS], size_t *end_out)
{
	size_t at = 0;

	for (size_t i = 0; i < VISITOR_LINE_WORDS; i++) {
		words[i] = slice_from(in, at);
		words[i].len = visitor_line_span(words[i]);
		at += words[i].len;
		if (at == in.len)
			return at == VISITOR_LINE_MAX ? PARSE_BAD : PARSE_MORE;
		if (!words[i].len || in.ptr[at] != (i + 1 < VISITOR_LINE_WORDS ? ' ' : '\n'))
			return PARSE_BAD;
		at++;
	}
	*end_out = at - 1;
	return PARSE_DONE;
}

enum parse_result visitor_line_parse(
	struct slice in, struct visitor_line *line_out, size_t *size_out)
{
	struct slice words[VISITOR_LINE_WORDS];
	struct visitor_line line = {0};
	enum parse_result result;
	uint64_t tunnel;
	size_t end;

	result = visitor_line_split(slice_first(in, VISITOR_LINE_MAX), words, &end);
	if (result != PARSE_DONE)
		return result;
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
