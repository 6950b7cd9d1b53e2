/* What may guard a tunnel: bounds, forms, and that two are the same. */
#include "agent/tunnel_guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "wire/control.h"

static void check_password(struct slice text, int err_wanted, const char *words)
{
	struct tunnel_guard g = {0};
	struct buf why = {0};

	assert_int_equal(tunnel_guard_set_password(&g, text, &why), err_wanted);
	assert_true((g.password != NULL) == !err_wanted);
	if (err_wanted) {
		buf_append_char(&why, '\0');
		assert_non_null(strstr(why.base, words));
	} else {
		assert_int_equal(strlen(g.password), text.len);
	}
	buf_release(&why);
	tunnel_guard_deinit(&g);
}

static void a_password_is_4_to_128_bytes_of_utf_8(void **state)
{
	char text[130];

	memset(text, 'p', sizeof(text));
	for (size_t len = 0; len < sizeof(text); len++)
		check_password(slice_of(text, len), len >= 4 && len <= 128 ? 0 : ERR_RANGE,
			"4 to 128 bytes");
	check_password(SLICE(" \xc3\xa4\xe2\x82\xac\xf0\x9f\x94\x92"), 0, NULL);
	check_password(SLICE("abc\n"), ERR_SYNTAX, "control character");
	check_password(SLICE("ab\0cd"), ERR_SYNTAX, "control character");
	check_password(SLICE("abc\x7f"), ERR_SYNTAX, "control character");
}

static void what_is_no_utf_8_is_refused(void **state)
{
	static const struct slice bad[] = {{"abc\xff", 4}, {"abc\xc3", 4}, {"abc\xc0\x80", 5},
		{"abc\xe0\x80\x80", 6}, {"abc\xed\xa0\x80", 6}, {"abc\xf0\x80\x80\x80", 7},
		{"abc\xf4\x90\x80\x80", 7}, {"abc\xe2\x82", 5}, {"abc\xe2\x28\xa1", 6},
		{"abc\xf0\x9f\x94x", 7},
		{"\x80"
		 "abc",
			4}};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		check_password(bad[i], ERR_SYNTAX, "not UTF-8");
}

static void networks_are_checked_one_by_one(void **state)
{
	static const struct {
		const char *network;
		int err;
	} rows[] = {
		{"192.0.2.7", 0},
		{"0.0.0.0/0", 0},
		{"192.0.2.0/32", 0},
		{"192.0.2.0/33", ERR_SYNTAX},
		{"192.0.2.0/", ERR_SYNTAX},
		{"192.0.2.0/-1", ERR_SYNTAX},
		{"192.0.2.0/8/8", ERR_SYNTAX},
		{"192.0.2", ERR_SYNTAX},
		{"::/0", 0},
		{"2001:db8::/128", 0},
		{"2001:db8::/129", ERR_SYNTAX},
		{"[::1]", ERR_SYNTAX},
		{"", ERR_SYNTAX},
		{"/8", ERR_SYNTAX},
		{"localhost", ERR_SYNTAX},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char *const list[] = {
			(char *)"198.51.100.1", (char *)(uintptr_t)rows[i].network, NULL};
		struct buf why = {0};
		char *text = NULL;

		assert_int_equal(tunnel_guard_print_networks(list, &text, &why), rows[i].err);
		assert_true((text != NULL) == !rows[i].err);
		mem_free(text);
		buf_release(&why);
	}
}

static void there_are_at_most_64_networks(void **state)
{
	char *list[66] = {0}, *text = NULL;
	struct buf why = {0};

	for (size_t i = 0; i < 64; i++)
		list[i] = (char *)"192.0.2.1";
	assert_int_equal(tunnel_guard_print_networks(list, &text, &why), 0);
	list[64] = (char *)"192.0.2.1";
	assert_int_equal(tunnel_guard_print_networks(list, &text, &why), ERR_LIMIT);
	assert_null(text);
	buf_release(&why);
	assert_int_equal(tunnel_guard_print_networks(NULL, &text, &why), 0);
	assert_null(text);
}

static void guards_differ_by_each_member(void **state)
{
	struct tunnel_guard a = {0}, b = {0};
	struct buf why = {0};

	assert_true(tunnel_guard_is_equal(&a, &b));
	assert_int_equal(tunnel_guard_set_password(&a, SLICE("hunter22"), &why), 0);
	assert_false(tunnel_guard_is_equal(&a, &b));
	assert_true(tunnel_guard_has_secret(&a));
	assert_int_equal(tunnel_guard_set_verify(&a, "stripe", SLICE("whsec"), &why), 0);
	a.allow = mem_dup_str("::/0", 4);
	tunnel_guard_copy(&b, &a);
	assert_true(tunnel_guard_is_equal(&a, &b));
	assert_ptr_not_equal(a.password, b.password);
	assert_int_equal(tunnel_guard_set_verify(&b, "stripe", SLICE("other"), &why), 0);
	assert_false(tunnel_guard_is_equal(&a, &b));
	assert_int_equal(tunnel_guard_set_verify(&b, "slack", SLICE("whsec"), &why), 0);
	assert_false(tunnel_guard_is_equal(&a, &b));
	assert_int_equal(tunnel_guard_set_verify(&b, "slack", SLICE(""), &why), ERR_RANGE);
	tunnel_guard_deinit(&a);
	tunnel_guard_deinit(&b);
	assert_null(b.verify_scheme);
	buf_release(&why);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_password_is_4_to_128_bytes_of_utf_8),
		cmocka_unit_test(what_is_no_utf_8_is_refused),
		cmocka_unit_test(networks_are_checked_one_by_one),
		cmocka_unit_test(there_are_at_most_64_networks),
		cmocka_unit_test(guards_differ_by_each_member),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
