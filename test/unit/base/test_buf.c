/* The buffer: cursors, growth, compaction, and a long random run against a naive model. */
#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static void assert_content(const struct buf *b, const char *want)
{
	assert_int_equal(buf_len(b), strlen(want));
	assert_memory_equal(buf_slice(b).len ? buf_slice(b).ptr : "", want, strlen(want));
	assert_true(b->start <= b->end && b->end <= b->cap);
}

static void an_empty_buffer_owns_nothing(void **state)
{
	struct buf b;

	buf_init(&b);
	assert_null(b.base);
	assert_int_equal(buf_len(&b), 0);
	assert_int_equal(buf_slice(&b).len, 0);
	buf_append(&b, NULL, 0);
	buf_append_slice(&b, buf_slice(&b));
	assert_null(b.base);
	buf_consume(&b, 0);
	buf_release(&b);
	buf_release(&b);
}

static void reserving_nothing_still_gives_a_place(void **state)
{
	struct buf b;

	buf_init(&b);
	assert_non_null(buf_reserve(&b, 0));
	buf_release(&b);
}

static void everything_appended_is_there_in_order(void **state)
{
	struct buf b;

	buf_init(&b);
	buf_append_str(&b, "a");
	buf_append_char(&b, '-');
	buf_append_slice(&b, SLICE("bc"));
	buf_append_u64(&b, 18446744073709551615u);
	buf_printf(&b, "%s=%d", "", -7);
	assert_content(&b, "a-bc18446744073709551615=-7");
	buf_release(&b);
}

static void printing_grows_to_any_length(void **state)
{
	struct buf b;

	buf_init(&b);
	for (int width = 0; width < 1000; width++) {
		buf_clear(&b);
		buf_printf(&b, "%*s|", width, "");
		assert_int_equal(buf_len(&b), width + 1);
		assert_int_equal(buf_slice(&b).ptr[width], '|');
	}
	buf_release(&b);
}

static void consuming_all_gives_the_memory_back(void **state)
{
	struct buf b;

	buf_init(&b);
	buf_append_str(&b, "hello");
	buf_consume(&b, 2);
	assert_content(&b, "llo");
	assert_non_null(b.base);
	buf_consume(&b, 3);
	assert_content(&b, "");
	assert_null(b.base);
	buf_append_str(&b, "again");
	assert_content(&b, "again");
	buf_release(&b);
}

static void fitting_gives_back_what_is_not_used(void **state)
{
	struct buf b;
	char *base;

	buf_init(&b);
	buf_fit(&b);
	assert_null(b.base);
	memset(buf_reserve(&b, 65536), 'a', 65536);
	buf_commit(&b, 65536);
	buf_consume(&b, 65536 - 16385);
	base = b.base;
	buf_fit(&b); /* a quarter and one byte is used */
	assert_ptr_equal(b.base, base);
	buf_consume(&b, 1);
	buf_fit(&b);
	assert_int_equal(b.cap, 16384);
	assert_int_equal(buf_len(&b), 16384);
	assert_int_equal(buf_slice(&b).ptr[16383], 'a');
	buf_consume(&b, 16383);
	buf_fit(&b); /* not worth it */
	assert_int_equal(b.cap, 16384);
	assert_content(&b, "a");
	buf_release(&b);
}

static void clearing_keeps_the_memory(void **state)
{
	struct buf b;
	char *base;

	buf_init(&b);
	buf_append_str(&b, "hello");
	base = b.base;
	buf_clear(&b);
	assert_content(&b, "");
	assert_ptr_equal(b.base, base);
	buf_release(&b);
}

static void room_at_the_front_is_used_before_growing(void **state)
{
	struct buf b;
	uint32_t cap;

	buf_init(&b);
	buf_reserve(&b, 1);
	cap = b.cap;
	for (uint32_t i = 0; i < cap; i++)
		buf_append_char(&b, (char)('a' + i % 26));
	buf_consume(&b, cap - 3);
	buf_append_str(&b, "xyz");
	assert_int_equal(b.cap, cap);
	assert_int_equal(b.start, 0);
	assert_int_equal(buf_len(&b), 6);
	assert_memory_equal(buf_slice(&b).ptr + 3, "xyz", 3);
	buf_release(&b);
}

static void exactly_the_room_does_not_grow_and_one_more_does(void **state)
{
	struct buf b;
	uint32_t cap;

	buf_init(&b);
	buf_append_char(&b, 'a');
	cap = b.cap;
	buf_reserve(&b, cap - 1);
	assert_int_equal(b.cap, cap);
	buf_reserve(&b, cap);
	assert_true(b.cap > cap);
	assert_content(&b, "a");
	buf_release(&b);
}

static void committing_makes_reserved_bytes_readable(void **state)
{
	struct buf b;

	buf_init(&b);
	memcpy(buf_reserve(&b, 100), "abcdef", 6);
	assert_content(&b, "");
	buf_commit(&b, 6);
	assert_content(&b, "abcdef");
	buf_release(&b);
}

#define MODEL_MAX 100000u

static void random_use_matches_a_naive_model(void **state)
{
	char *model = mem_alloc(MODEL_MAX), piece[3000];
	size_t len = 0;
	struct buf b;

	srandom(7);
	buf_init(&b);
	for (int i = 0; i < 20000; i++) {
		size_t n = (size_t)random() % (random() % 8 ? 40 : sizeof(piece));

		if (random() % 2 && len + n <= MODEL_MAX) {
			memset(piece, (int)random(), n);
			buf_append(&b, piece, n);
			memcpy(model + len, piece, n);
			len += n;
		} else {
			n = n < len ? n : len;
			buf_consume(&b, n);
			memmove(model, model + n, len - n);
			len -= n;
		}
		assert_int_equal(buf_len(&b), len);
		assert_true(len == 0 || memcmp(buf_slice(&b).ptr, model, len) == 0);
		assert_true(b.start <= b.end && b.end <= b.cap);
	}
	buf_release(&b);
	mem_free(model);
}

static void a_secret_grows_into_memory_that_held_it_alone(void **state)
{
	struct buf b = {0};
	char big[3000];

	memset(big, 's', sizeof(big));
	for (int i = 0; i < 5; i++)
		buf_append_secret(&b, slice_of(big, sizeof(big)));
	buf_append_secret(&b, SLICE(""));
	assert_int_equal(buf_len(&b), 5 * sizeof(big));
	buf_consume(&b, 4 * sizeof(big));
	buf_append_secret(&b, slice_of(big, sizeof(big)));
	assert_int_equal(buf_len(&b), 2 * sizeof(big));
	assert_memory_equal(buf_slice(&b).ptr + sizeof(big), big, sizeof(big));
	buf_wipe(&b);
	buf_wipe(&b);
	assert_int_equal(buf_len(&b), 0);
	assert_null(b.base);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_secret_grows_into_memory_that_held_it_alone),
		cmocka_unit_test(an_empty_buffer_owns_nothing),
		cmocka_unit_test(reserving_nothing_still_gives_a_place),
		cmocka_unit_test(everything_appended_is_there_in_order),
		cmocka_unit_test(printing_grows_to_any_length),
		cmocka_unit_test(consuming_all_gives_the_memory_back),
		cmocka_unit_test(fitting_gives_back_what_is_not_used),
		cmocka_unit_test(clearing_keeps_the_memory),
		cmocka_unit_test(room_at_the_front_is_used_before_growing),
		cmocka_unit_test(exactly_the_room_does_not_grow_and_one_more_does),
		cmocka_unit_test(committing_makes_reserved_bytes_readable),
		cmocka_unit_test(random_use_matches_a_naive_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
