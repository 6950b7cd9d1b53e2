/* Pieces of a body, gathered for one write. */
#include "relay/gather.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "proto/http1_body.h"

/* A stream that keeps what is written. */
struct sink {
	struct stream stream;
	struct buf bytes;
	unsigned writes;
	unsigned full_at; /* this write and those behind it say that the stream is full */
};

static bool sink_write(struct stream *s, const struct slice *parts, size_t count)
{
	struct sink *sink = CONTAINER_OF(s, struct sink, stream);

	assert_in_range(count, 1, STREAM_PARTS_MAX);
	for (size_t i = 0; i < count; i++)
		buf_append_slice(&sink->bytes, parts[i]);
	return ++sink->writes < sink->full_at;
}

static const struct stream_ops sink_ops = {.write = sink_write};

static struct sink sink;
static struct gather gather;

static void start(bool chunked)
{
	sink = (struct sink) {.stream.ops = &sink_ops, .full_at = UINT32_MAX};
	gather_init(&gather, &sink.stream, chunked);
}

static int tear_down(void **state)
{
	buf_release(&sink.bytes);
	return 0;
}

static void check(const char *expected, unsigned writes)
{
	gather_flush(&gather);
	assert_true(slice_eq(buf_slice(&sink.bytes), slice_from_str(expected)));
	assert_int_equal(sink.writes, writes);
	assert_int_equal(gather.bytes, strlen(expected));
}

static void nothing_is_written_when_there_is_nothing(void **state)
{
	start(true);
	gather_flush(&gather);
	check("", 0);
	assert_false(gather.full);
}

static void pieces_go_out_in_order_with_one_write(void **state)
{
	start(false);
	gather_add_raw(&gather, SLICE("head;"));
	gather_add_content(&gather, SLICE("one;"));
	gather_add_content(&gather, SLICE("two"));
	assert_int_equal(sink.writes, 0);
	check("head;one;two", 1);
	gather_add_content(&gather, SLICE("!"));
	check("head;one;two!", 2);
}

static void content_is_put_into_chunks_and_raw_bytes_are_not(void **state)
{
	start(true);
	gather_add_raw(&gather, SLICE("head;"));
	gather_add_content(&gather, SLICE("0123456789abcdef"));
	gather_add_content(&gather, SLICE("x"));
	gather_add_raw(&gather, SLICE("0\r\n\r\n"));
	check("head;11\r\n0123456789abcdefx\r\n0\r\n\r\n", 1);
}

/* A chunk each would cost more than what is in it; a large piece is not copied for that. */
static void small_pieces_share_a_chunk_in_front_of_and_behind_a_large_one(void **state)
{
	static char large[GATHER_SMALL + 1];
	struct buf expected = {0};

	for (size_t i = 0; i < sizeof(large); i++)
		large[i] = 'L';
	start(true);
	gather_add_content(&gather, SLICE("a"));
	gather_add_content(&gather, SLICE("b"));
	gather_add_content(&gather, slice_of(large, sizeof(large)));
	gather_add_content(&gather, SLICE("c"));
	gather_add_content(&gather, SLICE("d"));
	buf_append_str(&expected, "2\r\nab\r\n201\r\n");
	buf_append_slice(&expected, slice_of(large, sizeof(large)));
	buf_append_str(&expected, "\r\n2\r\ncd\r\n");
	gather_flush(&gather);
	assert_true(slice_eq(buf_slice(&sink.bytes), buf_slice(&expected)));
	assert_int_equal(sink.writes, 1);
	buf_release(&expected);
}

static void more_small_pieces_than_there_is_room_for_come_out_in_order(void **state)
{
	struct buf expected = {0};

	start(false);
	for (unsigned i = 0; i < 3 * GATHER_MERGED; i++) {
		struct slice piece = slice_of(&"0123456789"[i % 10], 1);

		gather_add_content(&gather, piece);
		buf_append_slice(&expected, piece);
	}
	gather_flush(&gather);
	assert_true(slice_eq(buf_slice(&sink.bytes), buf_slice(&expected)));
	assert_int_equal(sink.writes, 3);
	buf_release(&expected);
}

static void a_full_stream_is_remembered_and_loses_nothing(void **state)
{
	start(false);
	sink.full_at = 1;
	gather_add_raw(&gather, SLICE("a"));
	assert_false(gather.full);
	gather_flush(&gather);
	assert_true(gather.full);
	gather_add_raw(&gather, SLICE("b"));
	check("ab", 2);
	assert_true(gather.full);
}

static void more_parts_than_a_write_takes_go_out_in_several(void **state)
{
	char expected[4 * STREAM_PARTS_MAX + 1] = "";

	start(false);
	for (unsigned i = 0; i < 3 * STREAM_PARTS_MAX + 1; i++) {
		gather_add_raw(&gather, slice_of(&"abcdefghijklmnopqrstuvwxyz"[i % 26], 1));
		expected[i] = (char)('a' + i % 26);
	}
	assert_int_equal(sink.writes, 3);
	check(expected, 4);
}

/* What is written must be one well-formed body with this content. */
static void check_chunked(struct slice content)
{
	struct http1_body body = {.kind = HTTP1_BODY_CHUNKED};
	struct slice in = buf_slice(&sink.bytes), data;
	struct buf read = {0};
	enum http1_body_event event;

	while ((event = http1_body_next(&body, &in, &data)) == HTTP1_BODY_DATA)
		buf_append_slice(&read, data);
	assert_int_equal(event, HTTP1_BODY_TRAILERS);
	assert_true(slice_eq(in, SLICE("\r\n")));
	assert_true(slice_eq(buf_slice(&read), content));
	buf_release(&read);
}

/* Heads, chunks and raw parts in any mixture come out whole. */
static void chunks_stay_whole_however_many_parts_are_there(void **state)
{
	static char bytes[4096];
	struct buf content = {0};

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(i * 31);
	for (unsigned raw = 0; raw <= STREAM_PARTS_MAX; raw++) {
		start(true);
		/* Parts without bytes shift where the vector is full. */
		for (unsigned i = 0; i < raw; i++)
			gather_add_raw(&gather, SLICE(""));
		for (unsigned i = 0; i < 3 * GATHER_CHUNKS; i++) {
			struct slice piece = slice_of(bytes + i, 1 + i * 150 % 4000);

			gather_add_content(&gather, piece);
			buf_append_slice(&content, piece);
		}
		gather_add_raw(&gather, SLICE("0\r\n\r\n"));
		gather_flush(&gather);
		assert_int_equal(gather.bytes, buf_len(&sink.bytes));
		check_chunked(buf_slice(&content));
		buf_clear(&content);
		buf_release(&sink.bytes);
	}
	buf_release(&content);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(nothing_is_written_when_there_is_nothing, tear_down),
		cmocka_unit_test_teardown(pieces_go_out_in_order_with_one_write, tear_down),
		cmocka_unit_test_teardown(
			content_is_put_into_chunks_and_raw_bytes_are_not, tear_down),
		cmocka_unit_test_teardown(
			small_pieces_share_a_chunk_in_front_of_and_behind_a_large_one, tear_down),
		cmocka_unit_test_teardown(
			more_small_pieces_than_there_is_room_for_come_out_in_order, tear_down),
		cmocka_unit_test_teardown(a_full_stream_is_remembered_and_loses_nothing, tear_down),
		cmocka_unit_test_teardown(
			more_parts_than_a_write_takes_go_out_in_several, tear_down),
		cmocka_unit_test_teardown(
			chunks_stay_whole_however_many_parts_are_there, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
