/*
 * The body of a request to the relay itself, however it is cut: the same outcome, which is also
 * that of the plain reader of messages. The first byte says how the body is framed.
 */
#include "base/check.h"
#include "base/mem.h"
#include "relay/front_body.h"
#include "support/http1_walk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHUNKED 0xffu /* as the first byte; another one is a length */
#define BYTEWISE_MAX 512
#define CUTS 4

static const struct http1_limits limits = {100, 700, 12};
static struct http1_walk walk;

/* In pieces of that size behind the first one, each time at another place in memory. */
static void check(struct slice in, size_t head_size, size_t first, size_t step)
{
	struct front_body *b = front_body_new(&walk.body, head_size);
	enum parse_result result;
	size_t len = head_size + first;

	for (;; len += step) {
		char *copy;

		len = len < in.len ? len : in.len;
		copy = mem_dup(in.ptr, len);
		result = front_body_read(b, slice_of(copy, len), &limits);
		mem_free(copy);
		if (result != PARSE_MORE || len == in.len)
			break;
	}
	CHECK(front_body_fault(b) == walk.fault);
	CHECK((result == PARSE_MORE) == (walk.state != HTTP1_WALK_END));
	CHECK((result == PARSE_BAD) == (walk.fault != HTTP_FAULT_NONE));
	if (result == PARSE_DONE) {
		CHECK(slice_eq(front_body_content(b), buf_slice(&walk.content)));
		CHECK(front_body_end(b) == walk.size);
	}
	front_body_free(&b);
}

static void check_cuts(struct slice in, size_t head_size)
{
	size_t size = in.len - head_size, seed = 1;

	check(in, head_size, size, 1);
	if (size <= BYTEWISE_MAX)
		check(in, head_size, 0, 1);
	for (size_t i = head_size; i < in.len; i++)
		seed = seed * 31 + (unsigned char)in.ptr[i];
	for (int i = 0; size && i < CUTS; i++, seed = seed * 6364136223846793005u + 1)
		check(in, head_size, (seed >> 33) % size, 1 + (seed >> 20) % size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf in = {0};
	struct http1_body framing;
	size_t head_size;

	if (!size || size > FRONT_BODY_MAX)
		return 0;
	buf_append_str(&in, "POST / HTTP/1.1\r\nHost: a\r\n");
	if (data[0] == CHUNKED)
		buf_append_str(&in, "Transfer-Encoding: chunked\r\n\r\n");
	else
		buf_printf(&in, "Content-Length: %u\r\n\r\n", data[0]);
	head_size = buf_len(&in);
	http1_walk_init(&walk, false, &limits);
	http1_walk_feed(&walk, buf_slice(&in));
	framing = walk.body;
	buf_append(&in, data + 1, size - 1);
	http1_walk_feed(&walk, slice_from(buf_slice(&in), head_size));
	walk.body = framing;
	check_cuts(buf_slice(&in), head_size);
	http1_walk_deinit(&walk);
	buf_release(&in);
	return 0;
}
