/* Headers byte for byte, as the published framing has them. */
#include "proto/mux_frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"

static void a_header_is_twelve_bytes_in_network_order(void **state)
{
	const struct mux_frame f = {.version = 1,
		.type = MUX_FRAME_WINDOW,
		.flags = 0x0102,
		.stream = 0x03040506,
		.length = 0x0708090a};
	char out[MUX_FRAME_HEAD + 1] = {[MUX_FRAME_HEAD] = 'x'};

	mux_frame_write(out, &f);
	assert_memory_equal(out, "\1\1\1\2\3\4\5\6\7\10\11\12x", sizeof(out));
}

static void what_was_written_is_read(void **state)
{
	static const struct mux_frame cases[] = {
		{0},
		{.version = 255,
			.type = 255,
			.flags = 0xffff,
			.stream = UINT32_MAX,
			.length = UINT32_MAX},
		{.type = MUX_FRAME_ACK, .length = 8},
		{.type = MUX_FRAME_PING, .flags = MUX_FLAG_SYN, .length = 0x80000000u},
		{.flags = MUX_FLAG_SYN | MUX_FLAG_FIN, .stream = 2, .length = 16384},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char head[MUX_FRAME_HEAD];
		struct mux_frame f;

		mux_frame_write(head, &cases[i]);
		f = mux_frame_read(head);
		assert_int_equal(f.version, cases[i].version);
		assert_int_equal(f.type, cases[i].type);
		assert_int_equal(f.flags, cases[i].flags);
		assert_int_equal(f.stream, cases[i].stream);
		assert_int_equal(f.length, cases[i].length);
	}
}

static void all_flags_are_in_the_byte_that_may_change_later(void **state)
{
	struct mux_frame f = {.flags = MUX_FLAG_SYN};
	char head[MUX_FRAME_HEAD];

	mux_frame_write(head, &f);
	head[MUX_FRAME_FLAGS_AT] |= MUX_FLAG_ACK | MUX_FLAG_FIN | MUX_FLAG_RST;
	assert_int_equal(mux_frame_read(head).flags, 15);
}

static void positions_are_eight_bytes(void **state)
{
	char out[8];

	mux_frame_write_u64(out, 0x0102030405060708u);
	assert_memory_equal(out, "\1\2\3\4\5\6\7\10", 8);
	assert_true(mux_frame_read_u64(out) == 0x0102030405060708u);
	mux_frame_write_u64(out, UINT64_MAX);
	assert_true(mux_frame_read_u64(out) == UINT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_header_is_twelve_bytes_in_network_order),
		cmocka_unit_test(what_was_written_is_read),
		cmocka_unit_test(all_flags_are_in_the_byte_that_may_change_later),
		cmocka_unit_test(positions_are_eight_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
