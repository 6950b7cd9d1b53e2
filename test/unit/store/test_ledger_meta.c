/* Usage, ports and values, on SQLite, and on PostgreSQL where ADIT_TEST_DATABASE names one. */
#include "store/ledger_meta.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "store/db.h"
#include "store/ledger_usage.h"
#include "store/record.h"
#include "support/store_place.h"

#define FOUND_MAX 16u

/* What a walk brought. */
struct found {
	unsigned count;
	int answer; /* what the walk's callback returns */
	struct usage usages[FOUND_MAX];
	char port_name[64];
	uint16_t port;
};

struct fixture {
	struct store_place place;
	struct db *db;
	struct found found;
};

static int set_up(void **state)
{
	static struct fixture f;

	store_place_init(&f.place);
	f.db = store_place_open(&f.place);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	db_close(&f->db);
	store_place_deinit(&f->place);
	return 0;
}

static struct found *nothing(struct fixture *f)
{
	memset(&f->found, 0, sizeof(f->found));
	return &f->found;
}

static int on_usage(void *ctx, const struct usage *u)
{
	struct found *found = ctx;

	found->usages[found->count++ % FOUND_MAX] = *u;
	return found->answer;
}

static int on_port(void *ctx, struct slice name, uint16_t port)
{
	struct found *found = ctx;

	slice_to_str(name, found->port_name, sizeof(found->port_name));
	found->port = port;
	found->count++;
	return found->answer;
}

static void usage_adds_up_all_or_nothing(void **state)
{
	struct fixture *f = *state;
	struct usage rows[] = {
		{.account_id = 1, .month = "2026-10", .bytes_in = 1, .bytes_out = 2, .requests = 3},
		{.account_id = 1, .month = "2026-11", .bytes_in = 10},
		{.account_id = 0, .month = "2026-11", .requests = 1},
	};

	assert_int_equal(ledger_usage_add(f->db, rows, 3), 0);
	assert_int_equal(ledger_usage_add(f->db, rows, 2), 0);
	assert_int_equal(ledger_usage(f->db, 1, on_usage, nothing(f)), 0);
	assert_int_equal(f->found.count, 2);
	assert_string_equal(f->found.usages[0].month, "2026-11");
	assert_int_equal(f->found.usages[0].bytes_in, 20);
	assert_int_equal(f->found.usages[1].bytes_in, 2);
	assert_int_equal(f->found.usages[1].bytes_out, 4);
	assert_int_equal(f->found.usages[1].requests, 6);
	assert_int_equal(ledger_usage(f->db, 0, on_usage, nothing(f)), 0);
	assert_int_equal(f->found.count, 3);
	memcpy(rows[1].month, "\xff\xff", 3);
	assert_int_equal(ledger_usage_add(f->db, rows, 3), ERR_SYNTAX);
	assert_int_equal(ledger_usage(f->db, 1, on_usage, nothing(f)), 0);
	assert_int_equal(f->found.usages[1].bytes_in, 2);
}

static void ports_are_remembered_and_forgotten(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(ledger_port_set(f->db, "demo", 40000), 0);
	assert_int_equal(ledger_port_set(f->db, "demo", 65535), 0);
	assert_int_equal(ledger_ports(f->db, on_port, nothing(f)), 0);
	assert_int_equal(f->found.count, 1);
	assert_string_equal(f->found.port_name, "demo");
	assert_int_equal(f->found.port, 65535);
	assert_int_equal(ledger_port_set(f->db, "demo", 0), 0);
	assert_int_equal(ledger_port_set(f->db, "never", 0), 0);
	assert_int_equal(ledger_ports(f->db, on_port, nothing(f)), 0);
	assert_int_equal(f->found.count, 0);
}

static void one_port_more_than_are_kept_drops_the_oldest(void **state)
{
	struct fixture *f = *state;
	static const char fill[] =
		"WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 16384) "
		"INSERT INTO adit_ports (name, port, used_ms) SELECT 'old' || i, 40000, i FROM n";

	assert_int_equal(LEDGER_PORTS_MAX, 16384);
	assert_int_equal(store_place_sql(f->db, fill), 0);
	assert_int_equal(ledger_port_set(f->db, "demo", 40001), 0);
	assert_int_equal(ledger_ports(f->db, on_port, nothing(f)), 0);
	assert_int_equal(f->found.count, LEDGER_PORTS_MAX);
	assert_string_equal(f->found.port_name, "demo");
	f->found.answer = ERR_BUSY; /* stops at the first */
	f->found.count = 0;
	assert_int_equal(ledger_ports(f->db, on_port, &f->found), ERR_BUSY);
	assert_int_equal(f->found.count, 1);
	assert_string_equal(f->found.port_name, "old2");
}

static void values_have_names(void **state)
{
	struct fixture *f = *state;
	struct buf text;

	buf_init(&text);
	assert_int_equal(ledger_meta_get(f->db, "instance", &text), ERR_NOT_FOUND);
	assert_int_equal(ledger_meta_set(f->db, "instance", SLICE("one")), 0);
	assert_int_equal(ledger_meta_set(f->db, "instance", SLICE("")), 0);
	assert_int_equal(ledger_meta_get(f->db, "instance", &text), 0);
	assert_int_equal(buf_len(&text), 0);
	assert_int_equal(ledger_meta_set(f->db, "instance", SLICE("two")), 0);
	assert_int_equal(ledger_meta_get(f->db, "instance", &text), 0);
	assert_true(slice_eq(buf_slice(&text), SLICE("two")));
	buf_release(&text);
}

#define LEDGER_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		LEDGER_TEST(usage_adds_up_all_or_nothing),
		LEDGER_TEST(ports_are_remembered_and_forgotten),
		LEDGER_TEST(one_port_more_than_are_kept_drops_the_oldest),
		LEDGER_TEST(values_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
