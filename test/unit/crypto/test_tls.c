/* Connections in memory: the handshake in any pieces, data, both kinds of end, garbage. */
#include "crypto/tls.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <malloc.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "support/tls_context.h"
#include "support/tls_pair.h"

#define MUCH (3u << 20)
#define IDLE_MAX 20480 /* bytes that an idle link may keep */

static struct tls_pair pair;

static int set_up(void **state)
{
	tls_pair_init(&pair, tls_context_client, "a.test", tls_context_server);
	return 0;
}

static int tear_down(void **state)
{
	tls_pair_deinit(&pair);
	return 0;
}

static void check_ready(void)
{
	assert_true(tls_is_ready(pair.client.tls) && tls_is_ready(pair.server.tls));
	assert_string_equal(tls_version(pair.client.tls), "TLSv1.3");
	assert_true(slice_eq(tls_alpn(pair.client.tls), SLICE("http/1.1")));
}

static void write_to(struct tls_end *from, struct tls_end *to, struct slice data)
{
	assert_int_equal(tls_write(from->tls, &data, 1, &to->wire), 0);
}

static void a_handshake_comes_in_any_pieces(void **state)
{
	static const size_t pieces[] = {0, 1, 2, 5, 6, 100};

	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		tls_pair_deinit(&pair);
		tls_pair_init(&pair, tls_context_client, "a.test", tls_context_server);
		assert_false(tls_is_ready(pair.client.tls));
		tls_pair_run(&pair, pieces[i]);
		check_ready();
		write_to(&pair.client, &pair.server, SLICE("hello"));
		write_to(&pair.server, &pair.client, SLICE("world"));
		tls_pair_run(&pair, pieces[i]);
		assert_true(slice_eq(buf_slice(&pair.server.data), SLICE("hello")));
		assert_true(slice_eq(buf_slice(&pair.client.data), SLICE("world")));
	}
}

static void a_handshake_by_itself_leaves_what_stands_behind(void **state)
{
	struct slice in = {NULL, 0}, room = slice_of(mem_alloc(100), 100);
	size_t len;

	assert_int_equal(tls_handshake(pair.client.tls, &in, &pair.server.wire), TLS_MORE);
	in = buf_slice(&pair.server.wire);
	assert_int_equal(tls_handshake(pair.server.tls, &in, &pair.client.wire), TLS_MORE);
	buf_clear(&pair.server.wire);
	in = buf_slice(&pair.client.wire);
	assert_int_equal(tls_handshake(pair.client.tls, &in, &pair.server.wire), TLS_OK);
	buf_clear(&pair.client.wire);
	write_to(&pair.client, &pair.server, SLICE("early bird"));
	in = buf_slice(&pair.server.wire);
	assert_int_equal(tls_handshake(pair.server.tls, &in, &pair.client.wire), TLS_OK);
	assert_true(in.len > 10);
	assert_int_equal(tls_read(pair.server.tls, &in, &pair.client.wire, room, &len), TLS_OK);
	assert_true(slice_eq(slice_first(room, len), SLICE("early bird")));
	mem_free((void *)room.ptr);
}

static struct slice much(void)
{
	static char bytes[MUCH];

	for (uint32_t i = 0; !bytes[1] && i < MUCH; i++)
		bytes[i] = (char)(i * 2654435761u >> 24);
	return slice_of(bytes, sizeof(bytes));
}

static void much_passes_both_ways(void **state)
{
	tls_pair_run(&pair, 0);
	write_to(&pair.client, &pair.server, much());
	write_to(&pair.server, &pair.client, much());
	tls_pair_run(&pair, 65536);
	assert_true(slice_eq(buf_slice(&pair.server.data), much()));
	assert_true(slice_eq(buf_slice(&pair.client.data), much()));
}

static void parts_share_whole_records(void **state)
{
	static const size_t sizes[] = {1, 100, 16383, 16384, 16385, 40000, 65536};
	struct slice all = much();
	size_t total = 0, count = 0;
	struct slice parts[3 * (sizeof(sizes) / sizeof(sizes[0]))];

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		size_t len = sizes[i * 5 % (sizeof(sizes) / sizeof(sizes[0]))];

		parts[i] = slice_of(all.ptr + total, len);
		total += len;
	}
	tls_pair_run(&pair, 0);
	assert_int_equal(tls_write(pair.server.tls, parts, sizeof(parts) / sizeof(parts[0]),
				 &pair.client.wire),
		0);
	for (struct slice rest = buf_slice(&pair.client.wire); rest.len; count++) {
		size_t len = (size_t)((uint8_t)rest.ptr[3] << 8 | (uint8_t)rest.ptr[4]);

		assert_true(5 + len <= rest.len);
		rest = slice_from(rest, 5 + len);
	}
	assert_int_equal(count, (total + 16383) / 16384);
	tls_pair_run(&pair, 0);
	assert_true(slice_eq(buf_slice(&pair.client.data), slice_first(all, total)));
}

static void a_small_room_loses_nothing(void **state)
{
	char room[100];
	struct buf got = {0};
	struct slice in;
	size_t len;

	tls_pair_run(&pair, 0);
	write_to(&pair.client, &pair.server, slice_first(much(), 50000));
	in = buf_slice(&pair.server.wire);
	while (tls_read(pair.server.tls, &in, &pair.client.wire, slice_of(room, sizeof(room)),
		       &len) == TLS_OK)
		buf_append(&got, room, len);
	assert_int_equal(in.len, 0);
	assert_true(slice_eq(buf_slice(&got), slice_first(much(), 50000)));
	buf_release(&got);
}

static void an_end_in_order_is_told(void **state)
{
	tls_pair_run(&pair, 0);
	write_to(&pair.client, &pair.server, SLICE("last"));
	tls_shutdown(pair.client.tls, &pair.server.wire);
	tls_shutdown(pair.client.tls, &pair.server.wire);
	tls_pair_read(&pair.server, &pair.client, 0);
	assert_int_equal(pair.server.result, TLS_ENDED);
	assert_true(slice_eq(buf_slice(&pair.server.data), SLICE("last")));
	/* The other way stays open. */
	write_to(&pair.server, &pair.client, SLICE("answer"));
	tls_pair_read(&pair.client, &pair.server, 0);
	assert_int_equal(pair.client.result, TLS_MORE);
	assert_true(slice_eq(buf_slice(&pair.client.data), SLICE("answer")));
	assert_int_equal(tls_write(pair.client.tls, &(struct slice) {"x", 1}, 1, &pair.server.wire),
		ERR_ENDED);
}

static void nothing_is_written_before_it_is_ready(void **state)
{
	assert_int_equal(tls_write(pair.client.tls, &(struct slice) {"x", 1}, 1, &pair.server.wire),
		ERR_ENDED);
	tls_shutdown(pair.client.tls, &pair.server.wire);
	assert_int_equal(buf_len(&pair.server.wire), 0);
}

static void a_damaged_byte_fails_for_good(void **state)
{
	tls_pair_run(&pair, 0);
	write_to(&pair.client, &pair.server, SLICE("hello"));
	pair.server.wire.base[pair.server.wire.end - 1] ^= 1;
	for (int i = 0; i < 2; i++) {
		tls_pair_read(&pair.server, &pair.client, 0);
		assert_int_equal(pair.server.result, TLS_FAILED);
		assert_int_equal(buf_len(&pair.server.data), 0);
	}
	assert_true(strlen(tls_failure(pair.server.tls)) > 5);
	/* The alert tells the other side. */
	tls_pair_read(&pair.client, &pair.server, 0);
	assert_int_equal(pair.client.result, TLS_FAILED);
}

static void what_came_before_the_damage_is_passed_on(void **state)
{
	tls_pair_run(&pair, 0);
	write_to(&pair.client, &pair.server, SLICE("good"));
	buf_append_str(&pair.server.wire, "rubbish");
	tls_pair_read(&pair.server, &pair.client, 0);
	assert_int_equal(pair.server.result, TLS_FAILED);
	assert_true(slice_eq(buf_slice(&pair.server.data), SLICE("good")));
}

static enum tls_result read_some(struct slice *in, size_t room)
{
	char to[64] = "";
	size_t n;

	return tls_read(pair.server.tls, in, &pair.client.wire, slice_of(to, room), &n);
}

/* Whoever reads asks it whether to ask again without more ciphertext. */
static void what_is_left_is_said(void **state)
{
	struct slice in;

	tls_pair_run(&pair, 0);
	write_to(&pair.client, &pair.server, SLICE("hello"));
	in = buf_slice(&pair.server.wire);
	assert_int_equal(read_some(&in, 3), TLS_OK);
	assert_true(tls_has_more(pair.server.tls));
	assert_int_equal(read_some(&in, 3), TLS_OK);
	assert_false(tls_has_more(pair.server.tls));
	assert_int_equal(in.len, 0);
	buf_clear(&pair.server.wire);

	write_to(&pair.client, &pair.server, SLICE("hello"));
	tls_shutdown(pair.client.tls, &pair.server.wire);
	in = buf_slice(&pair.server.wire);
	assert_int_equal(read_some(&in, 64), TLS_OK);
	assert_int_equal(in.len, 0);
	assert_true(tls_has_more(pair.server.tls));
	assert_int_equal(read_some(&in, 64), TLS_ENDED);
	assert_false(tls_has_more(pair.server.tls));
}

/* They are kept over records in both directions, given back, and kept anew. */
static void buffers_may_be_kept(void **state)
{
	tls_pair_run(&pair, 0);
	for (int i = 0; i < 6; i++) {
		tls_keep_buffers(pair.server.tls, i % 3 != 2);
		write_to(&pair.client, &pair.server, slice_first(much(), 40000));
		write_to(&pair.server, &pair.client, slice_first(much(), 40000));
		tls_pair_run(&pair, 1000);
		assert_true(slice_eq(buf_slice(&pair.server.data), slice_first(much(), 40000)));
		assert_true(slice_eq(buf_slice(&pair.client.data), slice_first(much(), 40000)));
		buf_clear(&pair.server.data);
		buf_clear(&pair.client.data);
	}
}

/* A heartbeat may come between the head of a record and the rest of it. */
static void half_a_record_keeps_its_buffer(void **state)
{
	char room[16];
	size_t n;

	tls_pair_run(&pair, 0);
	tls_keep_buffers(pair.server.tls, true);
	for (size_t first = 1; first < 12; first++) {
		struct slice in;

		write_to(&pair.client, &pair.server, SLICE("hello"));
		in = slice_first(buf_slice(&pair.server.wire), first);
		assert_int_equal(tls_read(pair.server.tls, &in, &pair.client.wire,
					 slice_of(room, sizeof(room)), &n),
			TLS_MORE);
		buf_consume(&pair.server.wire, first);
		tls_keep_buffers(pair.server.tls, false);
		tls_pair_read(&pair.server, &pair.client, 0);
		tls_keep_buffers(pair.server.tls, true);
		assert_true(slice_eq(buf_slice(&pair.server.data), SLICE("hello")));
		buf_clear(&pair.server.data);
	}
}

static void truncated_input_waits(void **state)
{
	tls_pair_run(&pair, 0);
	write_to(&pair.client, &pair.server, SLICE("hello"));
	for (size_t len = buf_len(&pair.server.wire) - 1; len; len--) {
		struct slice in = slice_of(buf_slice(&pair.server.wire).ptr, 1);
		char room[16];
		size_t n;

		assert_int_equal(tls_read(pair.server.tls, &in, &pair.client.wire,
					 slice_of(room, sizeof(room)), &n),
			TLS_MORE);
		buf_consume(&pair.server.wire, 1);
	}
	tls_pair_read(&pair.server, &pair.client, 0);
	assert_true(slice_eq(buf_slice(&pair.server.data), SLICE("hello")));
}

static void what_is_no_tls_is_named(void **state)
{
	static const char *const texts[] = {"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n",
		"HTTP/1.1 400 Bad Request\r\n\r\n", "SSH-2.0-OpenSSH_9.2\r\n"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		tls_pair_deinit(&pair);
		tls_pair_init(&pair, tls_context_client, "a.test", tls_context_server);
		buf_append_str(&pair.server.wire, texts[i]);
		tls_pair_read(&pair.server, &pair.client, 0);
		assert_int_equal(pair.server.result, TLS_FAILED);
		assert_string_equal(
			tls_failure(pair.server.tls), "the other side does not speak TLS");
		buf_clear(&pair.client.wire);
		buf_append_str(&pair.client.wire, texts[i]);
		tls_pair_read(&pair.client, &pair.server, 0);
		assert_int_equal(pair.client.result, TLS_FAILED);
		assert_string_equal(
			tls_failure(pair.client.tls), "the other side does not speak TLS");
	}
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
static size_t heap(void)
{
	return mallinfo2().uordblks;
}

static void an_idle_link_costs_little(void **state)
{
	struct tls *keep[32];
	size_t before, each;

	tls_pair_run(&pair, 0); /* what is made once is made by now */
	before = heap();
	for (int i = 0; i < 32; i++) {
		struct tls_pair p;

		tls_pair_init(&p, tls_context_client, "a.test", tls_context_server);
		tls_pair_run(&p, 0);
		write_to(&p.client, &p.server, slice_first(much(), 40000));
		write_to(&p.server, &p.client, slice_first(much(), 40000));
		tls_keep_buffers(p.server.tls, true);
		tls_pair_run(&p, 0);
		tls_keep_buffers(p.server.tls, false);
		write_to(&p.server, &p.client, SLICE("ping"));
		write_to(&p.client, &p.server, SLICE("pong"));
		tls_pair_run(&p, 0);
		keep[i] = p.server.tls;
		p.server.tls = NULL;
		tls_pair_deinit(&p);
	}
	each = (heap() - before) / 32;
	print_message("an idle link keeps %zu bytes\n", each);
	assert_in_range(each, 1000, IDLE_MAX);
	for (int i = 0; i < 32; i++)
		tls_free(&keep[i]);
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_handshake_comes_in_any_pieces, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_handshake_by_itself_leaves_what_stands_behind, set_up, tear_down),
		cmocka_unit_test_setup_teardown(much_passes_both_ways, set_up, tear_down),
		cmocka_unit_test_setup_teardown(parts_share_whole_records, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_small_room_loses_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_end_in_order_is_told, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			nothing_is_written_before_it_is_ready, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_left_is_said, set_up, tear_down),
		cmocka_unit_test_setup_teardown(buffers_may_be_kept, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_damaged_byte_fails_for_good, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			what_came_before_the_damage_is_passed_on, set_up, tear_down),
		cmocka_unit_test_setup_teardown(half_a_record_keeps_its_buffer, set_up, tear_down),
		cmocka_unit_test_setup_teardown(truncated_input_waits, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_no_tls_is_named, set_up, tear_down),
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
		cmocka_unit_test_setup_teardown(an_idle_link_costs_little, set_up, tear_down),
#endif
	};

	return cmocka_run_group_tests(tests, tls_context_open, tls_context_close);
}
