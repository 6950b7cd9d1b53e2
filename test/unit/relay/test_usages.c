/* What accounts have used: counting, taking for the store, and the end of a month. */
#include "relay/usages.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "store/record.h"

#define NOVEMBER 1793750399000u /* 2026-11-04 */
#define LAST_SECOND 1796083199000u /* 2026-11-30 23:59:59 */
#define DECEMBER 1796083200000u
#define LEAP_FEBRUARY 1835308800000u /* 2028-02-28 */

static struct usages *usages;

static int set_up(void **state)
{
	usages = usages_new(NOVEMBER);
	return 0;
}

static int tear_down(void **state)
{
	usages_free(&usages);
	return 0;
}

static void what_is_counted_is_taken_once(void **state)
{
	struct usages_row *row = usages_get(usages, 7);
	struct usage *list;

	assert_ptr_equal(usages_get(usages, 7), row);
	usages_get(usages, 8);
	usages_count(row, 100, 23);
	usages_count(row, 0, 1);
	usages_count_request(row);
	assert_int_equal(usages_of_month(row), 124);
	assert_int_equal(usages_take(usages, NOVEMBER, &list), 1);
	assert_int_equal(list[0].account_id, 7);
	assert_string_equal(list[0].month, "2026-11");
	assert_int_equal(list[0].bytes_in, 100);
	assert_int_equal(list[0].bytes_out, 24);
	assert_int_equal(list[0].requests, 1);
	mem_free(list);
	assert_int_equal(usages_take(usages, NOVEMBER, &list), 0);
	mem_free(list);
	assert_int_equal(usages_of_month(row), 124);
}

static void what_the_store_did_not_take_comes_again(void **state)
{
	struct usages_row *row = usages_get(usages, 7);
	struct usage *list;

	usages_count(row, 5, 6);
	assert_int_equal(usages_take(usages, NOVEMBER, &list), 1);
	usages_count(row, 1, 1);
	usages_put_back(usages, list, 1);
	mem_free(list);
	assert_int_equal(usages_take(usages, NOVEMBER, &list), 1);
	assert_int_equal(list[0].bytes_in, 6);
	assert_int_equal(list[0].bytes_out, 7);
	mem_free(list);
	assert_int_equal(usages_of_month(row), 13);
}

static void a_new_month_begins_at_nothing(void **state)
{
	struct usages_row *row = usages_get(usages, 0);
	struct usage *list;

	usages_count(row, 5, 0);
	assert_int_equal(usages_take(usages, LAST_SECOND, &list), 1);
	mem_free(list);
	usages_count(row, 2, 0);
	assert_int_equal(usages_take(usages, DECEMBER, &list), 1);
	assert_string_equal(list[0].month, "2026-11");
	assert_int_equal(list[0].bytes_in, 2);
	mem_free(list);
	assert_int_equal(usages_of_month(row), 0);
	usages_count(row, 3, 0);
	assert_int_equal(usages_take(usages, DECEMBER, &list), 1);
	assert_string_equal(list[0].month, "2026-12");
	mem_free(list);
}

static void the_store_counts_for_its_month_alone(void **state)
{
	const struct usage stored[] = {
		{.account_id = 3, .month = "2026-11", .bytes_in = 40, .bytes_out = 2},
		{.account_id = 3, .month = "2026-10", .bytes_in = 1000},
	};

	usages_load(usages, &stored[0]);
	usages_load(usages, &stored[1]);
	assert_int_equal(usages_of_month(usages_get(usages, 3)), 42);
}

static void a_month_ends_when_it_ends(void **state)
{
	assert_int_equal(usages_month_left_s(DECEMBER - 1000), 1);
	assert_int_equal(usages_month_left_s(DECEMBER - 1), 1);
	assert_int_equal(usages_month_left_s(DECEMBER), 31 * 86400);
	assert_int_equal(usages_month_left_s(DECEMBER + 31ull * 86400000 - 5000), 5);
	assert_int_equal(usages_month_left_s(LEAP_FEBRUARY), 2 * 86400);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_counted_is_taken_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			what_the_store_did_not_take_comes_again, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_new_month_begins_at_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			the_store_counts_for_its_month_alone, set_up, tear_down),
		cmocka_unit_test(a_month_ends_when_it_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
