/* Usage on its way into the store and back: now and then, at the end, and after a restart. */
#include "relay/usages_keeper.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/log.h"
#include "io/loop.h"
#include "relay/usages.h"
#include "relay/worker.h"
#include "store/ledger_usage.h"
#include "store/record.h"
#include "store/store.h"
#include "support/loop_turn.h"
#include "support/store_place.h"

struct look {
	struct store_job job;
	uint64_t bytes;
	uint64_t requests;
};

static struct store_place place;
static struct relay_shared shared;
static struct usages_keeper *keeper;
static struct loop *loop;

static void begin(void)
{
	const struct store_conf conf = {
		.path = place.conf.path, .url = place.conf.url, .deadline_ms = 60000};
	struct buf message = {0};

	loop = loop_new();
	shared = (struct relay_shared) {.log = log_new(2, LOG_ERROR, LOG_FORMAT_TEXT)};
	assert_int_equal(store_open(&conf, shared.log, &shared.store, &message), 0);
	shared.usages = usages_new(loop_wall_ms());
	assert_int_equal(usages_keeper_new(loop, &shared, &keeper, &message), 0);
	assert_non_null(keeper);
}

static void end(void)
{
	usages_keeper_finish(keeper);
	store_free(&shared.store);
	loop_free(&loop);
	usages_keeper_free(&keeper);
	usages_free(&shared.usages);
	log_free(&shared.log);
}

static int on_row(void *ctx, const struct usage *usage)
{
	struct look *look = ctx;

	look->bytes += usage->bytes_in + usage->bytes_out;
	look->requests += usage->requests;
	return 0;
}

static int on_look(struct store_job *job, struct db *db)
{
	return ledger_usage(db, 0, on_row, CONTAINER_OF(job, struct look, job));
}

static struct look look(void)
{
	struct look l = {.job = {.run = on_look}};

	assert_int_equal(store_run_now(shared.store, &l.job), 0);
	return l;
}

static int set_up(void **state)
{
	store_place_init(&place);
	begin();
	return 0;
}

static int tear_down(void **state)
{
	end();
	store_place_deinit(&place);
	return 0;
}

static void what_was_counted_is_stored_after_a_moment(void **state)
{
	struct usages_row *row = usages_get(shared.usages, 0);

	usages_count(row, 10, 5);
	usages_count_request(row);
	while (look().bytes < 15)
		loop_turn(loop);
	usages_count(row, 1, 0);
	while (look().bytes < 16)
		loop_turn(loop);
	assert_int_equal(look().bytes, 16);
	assert_int_equal(look().requests, 1);
}

static void the_end_stores_the_rest_and_the_next_start_knows_it(void **state)
{
	usages_count(usages_get(shared.usages, 0), 100, 11);
	end();
	begin();
	assert_int_equal(look().bytes, 111);
	assert_int_equal(usages_of_month(usages_get(shared.usages, 0)), 111);
	end();
	begin();
	assert_int_equal(look().bytes, 111);
}

static void without_a_store_there_is_nothing_to_keep(void **state)
{
	struct relay_shared none = {.store = NULL};
	struct usages_keeper *k;
	struct buf message = {0};

	assert_int_equal(usages_keeper_new(loop, &none, &k, &message), 0);
	assert_null(k);
	usages_keeper_finish(k);
	usages_keeper_free(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			what_was_counted_is_stored_after_a_moment, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			the_end_stores_the_rest_and_the_next_start_knows_it, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			without_a_store_there_is_nothing_to_keep, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
