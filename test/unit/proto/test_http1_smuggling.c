/*
 * Whole messages, as bytes, with the verdict each must get: the same one in one piece, byte by
 * byte, and cut in two at every place.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/http1_walk.h"

#define BYTES(literal)                                                                             \
	{                                                                                          \
		"" literal, sizeof(literal) - 1                                                    \
	}
#define HOST "Host: a.test\r\n"
#define CHUNKED "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"

static const struct http1_limits limits = {200, 2000, 10};

struct row {
	struct slice bytes;
	enum http_fault fault;
	const char *content; /* NULL: the message is not whole */
};

static const struct row requests[] = {
	/* accepted */
	{BYTES("GET / HTTP/1.1\r\n" HOST "\r\n"), HTTP_FAULT_NONE, ""},
	{BYTES("\r\nGET / HTTP/1.1\r\n" HOST "\r\n"), HTTP_FAULT_NONE, ""},
	{BYTES("GET / HTTP/1.0\r\n\r\n"), HTTP_FAULT_NONE, ""},
	{BYTES("GET / HTTP/1.2\r\n" HOST "\r\n"), HTTP_FAULT_NONE, ""},
	{BYTES("M-SEARCH * HTTP/1.1\r\n" HOST "\r\n"), HTTP_FAULT_NONE, ""},
	{BYTES("GET http://a.test/x HTTP/1.1\r\n" HOST "\r\n"), HTTP_FAULT_NONE, ""},
	{BYTES("GET / HTTP/1.1\r\nHost:a.test\r\nX:\r\nY: \t z\xc3\xa9 \t \r\n\r\n"),
		HTTP_FAULT_NONE, ""},
	{BYTES("POST / HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabcGET"), HTTP_FAULT_NONE,
		"abc"},
	{BYTES("POST / HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n"), HTTP_FAULT_NONE, ""},
	{BYTES(CHUNKED "3\r\nabc\r\n0\r\n\r\n"), HTTP_FAULT_NONE, "abc"},
	{BYTES("POST / HTTP/1.1\r\n" HOST "transfer-encoding:CHUNKED\r\n\r\n1\r\na\r\n0\r\n\r\n"),
		HTTP_FAULT_NONE, "a"},
	{BYTES(CHUNKED "00000000000000aA\r\n"), HTTP_FAULT_NONE, NULL},
	{BYTES(CHUNKED "1;a\r\nx\r\n2;b=c;d=\"e;\\\"\"\r\nyz\r\n000;x=1\r\nX-Sum: 1\r\n\r\n"),
		HTTP_FAULT_NONE, "xyz"},
	{BYTES(CHUNKED "7fffffffffffffff\r\n"), HTTP_FAULT_NONE, NULL},
	/* not whole */
	{BYTES(""), HTTP_FAULT_NONE, NULL},
	{BYTES("\r"), HTTP_FAULT_NONE, NULL},
	{BYTES("GET / HTTP/1.1\r\n" HOST "\r"), HTTP_FAULT_NONE, NULL},
	{BYTES("POST / HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nab"), HTTP_FAULT_NONE, NULL},
	{BYTES(CHUNKED "1\r\na\r\n0\r\n"), HTTP_FAULT_NONE, NULL},
	/* the request line */
	{BYTES("\n"), HTTP_FAULT_REQUEST_LINE, NULL},
	{BYTES("\rGET / HTTP/1.1\r\n"), HTTP_FAULT_LINE_END, NULL},
	{BYTES("\r\n\r\nGET / HTTP/1.1\r\n"), HTTP_FAULT_REQUEST_LINE, NULL},
	{BYTES("\x16\x03\x01"), HTTP_FAULT_REQUEST_LINE, NULL},
	{BYTES(" GET / HTTP/1.1\r\n"), HTTP_FAULT_REQUEST_LINE, NULL},
	{BYTES("GET\t/ HTTP/1.1\r\n"), HTTP_FAULT_REQUEST_LINE, NULL},
	{BYTES("GET  / HTTP/1.1\r\n"), HTTP_FAULT_REQUEST_LINE, NULL},
	{BYTES("GET /  HTTP/1.1\r\n"), HTTP_FAULT_REQUEST_LINE, NULL},
	{BYTES("GET / HTTP/1.1 \r\n"), HTTP_FAULT_REQUEST_LINE, NULL},
	{BYTES("GET / a HTTP/1.1\r\n"), HTTP_FAULT_REQUEST_LINE, NULL},
	{BYTES("GET /\r\n"), HTTP_FAULT_REQUEST_LINE, NULL},
	{BYTES("GET HTTP/1.1\r\n"), HTTP_FAULT_REQUEST_LINE, NULL},
	{BYTES("GET\r\n"), HTTP_FAULT_REQUEST_LINE, NULL},
	{BYTES("GET / HTTP/1.1\n"), HTTP_FAULT_LINE_END, NULL},
	{BYTES("GET / HTTP/1.1\r\r\n"), HTTP_FAULT_REQUEST_LINE, NULL},
	{BYTES("GET /\r HTTP/1.1\r\n"), HTTP_FAULT_LINE_END, NULL},
	{BYTES("GET / http/1.1\r\n"), HTTP_FAULT_REQUEST_LINE, NULL},
	{BYTES("GET / HTTP/1\r\n"), HTTP_FAULT_REQUEST_LINE, NULL},
	{BYTES("GET / HTTP/1.10\r\n"), HTTP_FAULT_REQUEST_LINE, NULL},
	{BYTES("GET / HTTP/1,1\r\n"), HTTP_FAULT_REQUEST_LINE, NULL},
	{BYTES("GET / HTTP/2.0\r\n"), HTTP_FAULT_VERSION, NULL},
	{BYTES("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), HTTP_FAULT_VERSION, NULL},
	{BYTES("GET / HTTP/0.9\r\n"), HTTP_FAULT_VERSION, NULL},
	{BYTES("G@T / HTTP/1.1\r\n"), HTTP_FAULT_REQUEST_LINE, NULL},
	{BYTES("GET /\0 HTTP/1.1\r\n"), HTTP_FAULT_TARGET_INVALID, NULL},
	{BYTES("GET /\t HTTP/1.1\r\n"), HTTP_FAULT_TARGET_INVALID, NULL},
	{BYTES("GET /#a HTTP/1.1\r\n"), HTTP_FAULT_TARGET_INVALID, NULL},
	{BYTES("GET /\x7f HTTP/1.1\r\n"), HTTP_FAULT_TARGET_INVALID, NULL},
	{BYTES("GET /\xc3\xa9\x7f HTTP/1.1\r\n"), HTTP_FAULT_TARGET_INVALID, NULL},
	{BYTES("GET /\xc3\xa9#\xc3\xa9 HTTP/1.1\r\n"), HTTP_FAULT_TARGET_INVALID, NULL},
	{BYTES("GET /\x85HTTP/1.1\r\n"), HTTP_FAULT_REQUEST_LINE, NULL},
	{BYTES("GET\xa0/ HTTP/1.1\r\n"), HTTP_FAULT_REQUEST_LINE, NULL},
	{BYTES("GET /\xa0HTTP/1.1\r\n" HOST "\r\n"), HTTP_FAULT_REQUEST_LINE, NULL},
	/* the fields */
	{BYTES("GET / HTTP/1.1\r\n\r\n"), HTTP_FAULT_HOST_MISSING, NULL},
	{BYTES("GET / HTTP/1.1\r\n" HOST HOST "\r\n"), HTTP_FAULT_HOST_REPEATED, NULL},
	{BYTES("GET / HTTP/1.0\r\n" HOST "hOST: b\r\n\r\n"), HTTP_FAULT_HOST_REPEATED, NULL},
	{BYTES("GET / HTTP/1.1\r\n" HOST "A: b\r\n c\r\n\r\n"), HTTP_FAULT_OBS_FOLD, NULL},
	{BYTES("GET / HTTP/1.1\r\n" HOST "A: b\r\n\tc\r\n\r\n"), HTTP_FAULT_OBS_FOLD, NULL},
	{BYTES("GET / HTTP/1.1\r\n" HOST "A: b\r\n \r\n\r\n"), HTTP_FAULT_OBS_FOLD, NULL},
	{BYTES("GET / HTTP/1.1\r\n Host: a\r\n\r\n"), HTTP_FAULT_FIELD_NAME, NULL},
	{BYTES("GET / HTTP/1.1\r\nHost : a\r\n\r\n"), HTTP_FAULT_FIELD_NAME, NULL},
	{BYTES("GET / HTTP/1.1\r\n: a\r\n\r\n"), HTTP_FAULT_FIELD_NAME, NULL},
	{BYTES("GET / HTTP/1.1\r\nHost\r\n\r\n"), HTTP_FAULT_FIELD_NAME, NULL},
	{BYTES("GET / HTTP/1.1\r\nH\xc3\xb6st: a\r\n\r\n"), HTTP_FAULT_FIELD_NAME, NULL},
	{BYTES("GET / HTTP/1.1\r\nHo\0st: a\r\n\r\n"), HTTP_FAULT_FIELD_NAME, NULL},
	{BYTES("GET / HTTP/1.1\r\n\r: a\r\n\r\n"), HTTP_FAULT_FIELD_NAME, NULL},
	{BYTES("GET / HTTP/1.1\r\n" HOST "A: b\n\r\n"), HTTP_FAULT_LINE_END, NULL},
	{BYTES("GET / HTTP/1.1\r\n" HOST "\n"), HTTP_FAULT_LINE_END, NULL},
	{BYTES("GET / HTTP/1.1\r\n" HOST "A: b\rC: d\r\n\r\n"), HTTP_FAULT_LINE_END, NULL},
	{BYTES("GET / HTTP/1.1\r\n" HOST "A: b\r\r\n\r\n"), HTTP_FAULT_LINE_END, NULL},
	{BYTES("GET / HTTP/1.1\r\n" HOST "A: b\0\r\n\r\n"), HTTP_FAULT_FIELD_VALUE, NULL},
	{BYTES("GET / HTTP/1.1\r\n" HOST "A: 0123456789\x01z\r\n\r\n"), HTTP_FAULT_FIELD_VALUE,
		NULL},
	{BYTES("GET / HTTP/1.1\r\n" HOST "A: \x7f\r\n\r\n"), HTTP_FAULT_FIELD_VALUE, NULL},
	{BYTES("GET / HTTP/1.1\r\n" HOST "A: \v\r\n\r\n"), HTTP_FAULT_FIELD_VALUE, NULL},
	/* contradictory framing */
	{BYTES("POST / HTTP/1.1\r\n" HOST
	       "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"),
		HTTP_FAULT_LENGTH_AND_CODING, NULL},
	{BYTES("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: x\r\nContent-Length: 3\r\n\r\n"),
		HTTP_FAULT_LENGTH_AND_CODING, NULL},
	{BYTES("POST / HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"),
		HTTP_FAULT_CODING_IN_1_0, NULL},
	{BYTES("POST / HTTP/1.1\r\n" HOST "Content-Length: 3\r\nContent-Length: 3\r\n\r\n"),
		HTTP_FAULT_LENGTH_INVALID, NULL},
	{BYTES("POST / HTTP/1.1\r\n" HOST "Content-Length: 3\r\ncontent-length: 4\r\n\r\n"),
		HTTP_FAULT_LENGTH_INVALID, NULL},
#define LENGTH(value)                                                                              \
	{                                                                                          \
		BYTES("POST / HTTP/1.1\r\n" HOST "Content-Length:" value "\r\n\r\n"),              \
			HTTP_FAULT_LENGTH_INVALID, NULL                                            \
	}
	LENGTH(""),
	LENGTH(" "),
	LENGTH("3\t"),
	LENGTH("\t3"),
	LENGTH("3, 3"),
	LENGTH("3,"),
	LENGTH("+3"),
	LENGTH("-3"),
	LENGTH("-0"),
	LENGTH("0x3"),
	LENGTH("3 3"),
	LENGTH("3a"),
	LENGTH("\"3\""),
	LENGTH("3.0"),
	LENGTH("3;"),
	LENGTH("\xc2\xb3"),
	LENGTH("9223372036854775808"),
	LENGTH("18446744073709551616"),
	LENGTH("99999999999999999999999"),
#undef LENGTH
#define CODING(value)                                                                              \
	{                                                                                          \
		BYTES("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding:" value "\r\n\r\n"),           \
			HTTP_FAULT_CODING_UNKNOWN, NULL                                            \
	}
	CODING(""),
	CODING("chunked\t"),
	CODING(" \tchunked"),
	CODING("identity"),
	CODING("gzip"),
	CODING("gzip, chunked"),
	CODING("chunked, gzip"),
	CODING("chunked, chunked"),
	CODING("chunked,"),
	CODING(",chunked"),
	CODING("chunked;q=1"),
	CODING("\"chunked\""),
	CODING("xchunked"),
	CODING("chunke"),
	CODING("chunked\r\nTransfer-Encoding: chunked"),
	CODING("chunked\r\nTransfer-Encoding: identity"),
	CODING("chun ked"),
	CODING("\xc2\xa0"
	       "chunked"),
#undef CODING
	{BYTES("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding:\vchunked\r\n\r\n"),
		HTTP_FAULT_FIELD_VALUE, NULL},
	{BYTES("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding : chunked\r\n\r\n"),
		HTTP_FAULT_FIELD_NAME, NULL},
	{BYTES("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding\r\n : chunked\r\n\r\n"),
		HTTP_FAULT_FIELD_NAME, NULL},
	{BYTES("POST / HTTP/1.1\r\n" HOST "X: y\nTransfer-Encoding: chunked\r\n\r\n"),
		HTTP_FAULT_LINE_END, NULL},
	/* chunks */
	{BYTES(CHUNKED "\r\n"), HTTP_FAULT_CHUNK_SIZE, NULL},
	{BYTES(CHUNKED ";a\r\n"), HTTP_FAULT_CHUNK_SIZE, NULL},
	{BYTES(CHUNKED "+1\r\n"), HTTP_FAULT_CHUNK_SIZE, NULL},
	{BYTES(CHUNKED "-1\r\n"), HTTP_FAULT_CHUNK_SIZE, NULL},
	{BYTES(CHUNKED "0x1\r\n"), HTTP_FAULT_CHUNK_SIZE, NULL},
	{BYTES(CHUNKED " 1\r\n"), HTTP_FAULT_CHUNK_SIZE, NULL},
	{BYTES(CHUNKED "1 \r\n"), HTTP_FAULT_CHUNK_SIZE, NULL},
	{BYTES(CHUNKED "1 ;a\r\n"), HTTP_FAULT_CHUNK_SIZE, NULL},
	{BYTES(CHUNKED "1_0\r\n"), HTTP_FAULT_CHUNK_SIZE, NULL},
	{BYTES(CHUNKED "g\r\n"), HTTP_FAULT_CHUNK_SIZE, NULL},
	{BYTES(CHUNKED "00000000000000001\r\n"), HTTP_FAULT_CHUNK_SIZE, NULL},
	{BYTES(CHUNKED "8000000000000000\r\n"), HTTP_FAULT_CHUNK_SIZE, NULL},
	{BYTES(CHUNKED "10000000000000001\r\n"), HTTP_FAULT_CHUNK_SIZE, NULL},
	{BYTES(CHUNKED "1\n"), HTTP_FAULT_CHUNK_SIZE, NULL},
	{BYTES(CHUNKED "1\ra"), HTTP_FAULT_LINE_END, NULL},
	{BYTES(CHUNKED "1\r\nab\r\n"), HTTP_FAULT_CHUNK_END, "a"},
	{BYTES(CHUNKED "1\r\na\n"), HTTP_FAULT_CHUNK_END, "a"},
	{BYTES(CHUNKED "1\r\na\rb"), HTTP_FAULT_CHUNK_END, "a"},
	{BYTES(CHUNKED "1\r\na0\r\n\r\n"), HTTP_FAULT_CHUNK_END, "a"},
	{BYTES(CHUNKED "1;\r\n"), HTTP_FAULT_CHUNK_EXTENSION, NULL},
	{BYTES(CHUNKED "1;;a\r\nx\r\n"), HTTP_FAULT_CHUNK_EXTENSION, NULL},
	{BYTES(CHUNKED "1;a=,\r\nx\r\n"), HTTP_FAULT_CHUNK_EXTENSION, NULL},
	{BYTES(CHUNKED "1;a=\r\n"), HTTP_FAULT_CHUNK_EXTENSION, NULL},
	{BYTES(CHUNKED "1; a\r\n"), HTTP_FAULT_CHUNK_EXTENSION, NULL},
	{BYTES(CHUNKED "1;a b\r\n"), HTTP_FAULT_CHUNK_EXTENSION, NULL},
	{BYTES(CHUNKED "1;a\n"), HTTP_FAULT_CHUNK_EXTENSION, NULL},
	{BYTES(CHUNKED "1;a=\"b\r\n\""), HTTP_FAULT_CHUNK_EXTENSION, NULL},
	{BYTES(CHUNKED "1;a=\"b\\\r\n\""), HTTP_FAULT_CHUNK_EXTENSION, NULL},
	{BYTES(CHUNKED "1;a=\"b\"c\r\n"), HTTP_FAULT_CHUNK_EXTENSION, NULL},
	{BYTES(CHUNKED "1;a\rb"), HTTP_FAULT_LINE_END, NULL},
	/* trailers */
	{BYTES(CHUNKED "0\r\nContent-Length: 1\r\n\r\n"), HTTP_FAULT_TRAILER_INVALID, NULL},
	{BYTES(CHUNKED "0\r\nTransfer-Encoding: chunked\r\n\r\n"), HTTP_FAULT_TRAILER_INVALID,
		NULL},
	{BYTES(CHUNKED "0\r\nhost: b\r\n\r\n"), HTTP_FAULT_TRAILER_INVALID, NULL},
	{BYTES(CHUNKED "0\r\nX-Forwarded-For: b\r\n\r\n"), HTTP_FAULT_TRAILER_INVALID, NULL},
	{BYTES(CHUNKED "0\r\nA: b\r\n c\r\n\r\n"), HTTP_FAULT_OBS_FOLD, NULL},
	{BYTES(CHUNKED "0\r\nA: b\n\r\n"), HTTP_FAULT_LINE_END, NULL},
	{BYTES(CHUNKED "0\r\nGET / HTTP/1.1\r\n"), HTTP_FAULT_FIELD_NAME, NULL},
};

#define OK "HTTP/1.1 200 OK\r\n"

static const struct row responses[] = {
	{BYTES(OK "Content-Length: 2\r\n\r\nabX"), HTTP_FAULT_NONE, "ab"},
	{BYTES(OK "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nX-Sum: 1\r\n\r\n"),
		HTTP_FAULT_NONE, "ab"},
	{BYTES(OK "\r\nuntil the end"), HTTP_FAULT_NONE, "until the end"},
	{BYTES("HTTP/1.0 200 OK\r\n\r\nab"), HTTP_FAULT_NONE, "ab"},
	{BYTES("HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n"), HTTP_FAULT_NONE, ""},
	{BYTES("HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n"), HTTP_FAULT_NONE, ""},
	{BYTES("HTTP/1.1 404 Nicht da \xc3\xa9\r\nContent-Length: 0\r\n\r\n"), HTTP_FAULT_NONE, ""},
	{BYTES("HTTP/1.1 204 No Content\r\n\r\nX"), HTTP_FAULT_NONE, ""},
	{BYTES("HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\nX"), HTTP_FAULT_NONE, ""},
	{BYTES("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\nX"), HTTP_FAULT_NONE, ""},
	{BYTES("HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\nX"), HTTP_FAULT_NONE,
		""},
	{BYTES("HTTP/1.1 100 Continue\r\n\r\n" OK), HTTP_FAULT_NONE, ""},
	{BYTES("HTTP/1.1 101 Switching Protocols\r\n\r\nX"), HTTP_FAULT_NONE, ""},
	/* refused */
	{BYTES("\r\n" OK), HTTP_FAULT_STATUS_LINE, NULL},
	{BYTES("SSH-2.0"), HTTP_FAULT_STATUS_LINE, NULL},
	{BYTES("HTTP/1.1 20 OK\r\n"), HTTP_FAULT_STATUS_LINE, NULL},
	{BYTES("HTTP/1.1 2000 OK\r\n"), HTTP_FAULT_STATUS_LINE, NULL},
	{BYTES("HTTP/1.1 +20 OK\r\n"), HTTP_FAULT_STATUS_LINE, NULL},
	{BYTES("HTTP/1.1  200 OK\r\n"), HTTP_FAULT_STATUS_LINE, NULL},
	{BYTES("HTTP/1.1\t200 OK\r\n"), HTTP_FAULT_STATUS_LINE, NULL},
	{BYTES("HTTP/1.1 200\tOK\r\n"), HTTP_FAULT_STATUS_LINE, NULL},
	{BYTES("HTTP/1.1\r\n"), HTTP_FAULT_STATUS_LINE, NULL},
	{BYTES("HTTPS/1.1 200 OK\r\n"), HTTP_FAULT_STATUS_LINE, NULL},
	{BYTES("HTTP/1.1 200 O\0K\r\n"), HTTP_FAULT_STATUS_LINE, NULL},
	{BYTES("HTTP/1.1 200 O\rK\r\n"), HTTP_FAULT_LINE_END, NULL},
	{BYTES("HTTP/1.1 200 OK\n"), HTTP_FAULT_LINE_END, NULL},
	{BYTES("HTTP/2.0 200 OK\r\n"), HTTP_FAULT_VERSION, NULL},
	{BYTES("HTTP/1.1 099 Low\r\n"), HTTP_FAULT_STATUS_INVALID, NULL},
	{BYTES("HTTP/1.1 600 High\r\n"), HTTP_FAULT_STATUS_INVALID, NULL},
	{BYTES(OK "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n"),
		HTTP_FAULT_LENGTH_AND_CODING, NULL},
	{BYTES(OK "Content-Length: 2\r\nContent-Length: 2\r\n\r\n"), HTTP_FAULT_LENGTH_INVALID,
		NULL},
	{BYTES(OK "Content-Length: 2, 2\r\n\r\n"), HTTP_FAULT_LENGTH_INVALID, NULL},
	{BYTES(OK "Transfer-Encoding: gzip\r\n\r\n"), HTTP_FAULT_CODING_UNKNOWN, NULL},
	{BYTES("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), HTTP_FAULT_CODING_IN_1_0,
		NULL},
	{BYTES("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n"), HTTP_FAULT_STATUS_INVALID,
		NULL},
	{BYTES("HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n"),
		HTTP_FAULT_STATUS_INVALID, NULL},
	{BYTES("HTTP/1.1 100 Continue\r\nContent-Length: 5\r\n\r\n"), HTTP_FAULT_STATUS_INVALID,
		NULL},
	{BYTES("HTTP/1.1 304 Not Modified\r\nContent-Length: x\r\n\r\n"), HTTP_FAULT_LENGTH_INVALID,
		NULL},
	{BYTES(OK " A: b\r\n\r\n"), HTTP_FAULT_FIELD_NAME, NULL},
	{BYTES(OK "Set-Cookie: a\r\n b\r\n\r\n"), HTTP_FAULT_OBS_FOLD, NULL},
};

/* Reads the bytes in two pieces, or one by one when the cut is SIZE_MAX. */
static void read_cut(struct http1_walk *w, const struct row *row, bool is_response, size_t cut)
{
	http1_walk_init(w, is_response, &limits);
	if (cut == SIZE_MAX) {
		for (size_t i = 0; i < row->bytes.len; i++)
			http1_walk_feed(w, slice_of(row->bytes.ptr + i, 1));
	} else {
		http1_walk_feed(w, slice_first(row->bytes, cut));
		http1_walk_feed(w, slice_from(row->bytes, cut));
	}
	http1_walk_close(w);
}

static void check_row(const struct row *row, bool is_response)
{
	struct http1_walk whole, part;
	bool is_over = row->fault || row->content;

	read_cut(&whole, row, is_response, row->bytes.len);
	if (whole.fault != row->fault || (whole.state == HTTP1_WALK_END) != is_over)
		fail_msg("\"%.*s\": fault %d, wanted %d", SLICE_ARG(row->bytes), whole.fault,
			row->fault);
	if (row->content)
		assert_true(slice_eq(buf_slice(&whole.content), slice_from_str(row->content)));
	read_cut(&part, row, is_response, SIZE_MAX);
	assert_true(http1_walk_same(&whole, &part));
	http1_walk_deinit(&part);
	for (size_t cut = 0; cut < row->bytes.len; cut++) {
		read_cut(&part, row, is_response, cut);
		assert_true(http1_walk_same(&whole, &part));
		http1_walk_deinit(&part);
	}
	http1_walk_deinit(&whole);
}

static void requests_get_one_verdict_however_they_are_cut(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(requests); i++)
		check_row(&requests[i], false);
}

static void responses_get_one_verdict_however_they_are_cut(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(responses); i++)
		check_row(&responses[i], true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_get_one_verdict_however_they_are_cut),
		cmocka_unit_test(responses_get_one_verdict_however_they_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
