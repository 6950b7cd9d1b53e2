/* Plans: what a file may say, what is refused and where, and what one gets. */
#include "relay/plans.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/err.h"

#define GOOD                                                                                       \
	"default: free\nanonymous: guest\nplans:\n"                                                \
	"  free: {tunnels: 1, names: 0, password-tunnels: 1, requests-per-minute: 60}\n"           \
	"  guest: {bandwidth: 64k, visitors: 3, idle: 90m, monthly-bytes: 2g}\n"                   \
	"  team:\n"                                                                                \
	"  big: {tunnels: unlimited}\n"

struct bad_case {
	const char *text;
	int err;
	const char *message;
};

static const struct bad_case bad_cases[] = {
	{"", ERR_SYNTAX, "p: there are no plans in it: \"plans: {free: {tunnels: 1}}\""},
	{"default: free\n", ERR_SYNTAX,
		"p: there are no plans in it: \"plans: {free: {tunnels: 1}}\""},
	{"plans: {a: {tunnels: 1}}", ERR_SYNTAX,
		"p: it does not say which plan accounts have: \"default: a\""},
	{"default: b\nplans: {a: {tunnels: 1}}", ERR_NOT_FOUND, "p:1: there is no plan \"b\""},
	{"default: a\nplans: {a: {}}\nanonymous: c", ERR_NOT_FOUND, "p:3: there is no plan \"c\""},
	{"default: a\ndefault: a\nplans: {a: {}}", ERR_EXISTS, "p:2: default is set twice"},
	{"default:\nplans: {a: {}}", ERR_SYNTAX,
		"p:1: the name of a plan is expected behind default"},
	{"default: {a: 1}", ERR_SYNTAX, "p:1: the name of a plan is expected behind default"},
	{"plans: 3", ERR_SYNTAX, "p:1: plans needs names below it: \"free: {tunnels: 1}\""},
	{"plans: {a: {}}\nplans: {b: {}}", ERR_SYNTAX, "p:2: plans is set twice"},
	{"plans: {a: {}, a: {}}", ERR_EXISTS, "p:1: there are two plans \"a\""},
	{"plans: {a: 3}", ERR_SYNTAX, "p:1: limits are expected below \"a\""},
	{"plans: {a b: {}}", ERR_SYNTAX, "p:1: a plan's name has 1 to 32 letters, digits, - and _"},
	{"plan: {a: {}}", ERR_SYNTAX,
		"p:1: unknown key \"plan\" (default, anonymous and plans stand here)"},
	{"plans:\n  a:\n    tunnel: 3", ERR_SYNTAX,
		"p:3: unknown key \"tunnel\"; did you mean tunnels?"},
	{"plans: {a: {zzz: 3}}", ERR_SYNTAX, "p:1: unknown key \"zzz\""},
	{"plans:\n  a:\n    tunnels: 3\n    tunnels: 4", ERR_EXISTS, "p:4: tunnels is set twice"},
	{"plans: {a: {tunnels: }}", ERR_SYNTAX, "p:1: a value is expected behind tunnels"},
	{"plans: {a: {tunnels: {b: 3}}}", ERR_SYNTAX, "p:1: a value is expected behind tunnels"},
	{"plans: {a: {tunnels: x}}", ERR_SYNTAX,
		"p:1: tunnels: \"x\" is not a number (0 to 1000000), or unlimited"},
	{"plans: {a: {requests-per-minute: 0}}", ERR_RANGE,
		"p:1: requests-per-minute: 0 is out of range (1 to 10000000)"},
	{"plans: {a: {visitors: -1}}", ERR_RANGE,
		"p:1: visitors: -1 is out of range (1 to 10000000)"},
	{"plans: {a: {bandwidth: 8191}}", ERR_RANGE,
		"p:1: bandwidth: 8191 is out of range (8k to 1024g)"},
	{"plans: {a: {idle: 999ms}}", ERR_RANGE, "p:1: idle: 999ms is out of range (1s to 365d)"},
	{"plans: [a]", ERR_SYNTAX, "p:1: lists have no meaning here"},
	{"plans: {a: {tunnels: [1]}}", ERR_SYNTAX, "p:1: lists have no meaning here"},
	{"plans: {a: {}}\n---\n", ERR_SYNTAX, "p:2: there is a second document"},
};

static void bad_files_are_refused_with_the_place(void **state)
{
	for (size_t i = 0; i < sizeof(bad_cases) / sizeof(bad_cases[0]); i++) {
		const struct bad_case *c = &bad_cases[i];
		struct buf message = {0};
		struct plans *plans;

		assert_int_equal(
			plans_parse("p", slice_from_str(c->text), &plans, &message), c->err);
		assert_null(plans);
		buf_append_char(&message, '\0');
		assert_string_equal(buf_slice(&message).ptr, c->message);
		buf_release(&message);
	}
}

static struct plans *parse(const char *text)
{
	struct buf message = {0};
	struct plans *plans;

	assert_int_equal(plans_parse("p", slice_from_str(text), &plans, &message), 0);
	assert_int_equal(buf_len(&message), 0);
	return plans;
}

static void a_file_sets_what_it_names_and_limits_nothing_else(void **state)
{
	struct plans *plans = parse(GOOD);
	const struct plan *free = plans_get(plans, SLICE("free"));
	const struct plan *guest = plans_anonymous(plans);
	const struct plan *team = plans_get(plans, SLICE("team"));

	assert_string_equal(free->name, "free");
	assert_int_equal(free->tunnels, 1);
	assert_int_equal(free->names, 0);
	assert_int_equal(free->password_tunnels, 1);
	assert_int_equal(free->requests_per_minute, 60);
	assert_true(free->bandwidth == PLAN_UNLIMITED && free->idle_ms == PLAN_UNLIMITED);
	assert_string_equal(guest->name, "guest");
	assert_int_equal(guest->bandwidth, 65536);
	assert_int_equal(guest->visitors, 3);
	assert_int_equal(guest->idle_ms, 5400000);
	assert_int_equal(guest->monthly_bytes, UINT64_C(2) << 30);
	assert_true(guest->tunnels == PLAN_UNLIMITED);
	assert_string_equal(team->name, "team");
	assert_false(plan_limits_tunnels(team));
	assert_false(plan_limits_tunnels(plans_get(plans, SLICE("big"))));
	assert_true(plan_limits_tunnels(guest));
	assert_int_equal(plans_at(plans, 3)->index, 3);
	assert_null(plans_at(plans, 4));
	plans_free(&plans);
}

static void accounts_without_a_known_plan_have_the_default(void **state)
{
	struct plans *plans = parse(GOOD);

	assert_string_equal(plans_get(plans, SLICE(""))->name, "free");
	assert_string_equal(plans_get(plans, SLICE("gone"))->name, "free");
	assert_false(plans_has(plans, SLICE("gone")));
	assert_true(plans_has(plans, SLICE("team")));
	plans_free(&plans);
}

static void tunnels_without_an_account_have_the_default_unless_told(void **state)
{
	struct plans *plans = parse("default: a\nplans: {a: {tunnels: 3}}");

	assert_string_equal(plans_anonymous(plans)->name, "a");
	plans_free(&plans);
	plans = parse("default: a\nanonymous: unlimited\nplans: {a: {tunnels: 3}}");
	assert_true(plans_anonymous(plans)->tunnels == PLAN_UNLIMITED);
	plans_free(&plans);
}

static void there_may_be_so_many_and_no_more(void **state)
{
	struct buf text = {0}, message = {0};
	struct plans *plans;

	buf_append_str(&text, "default: p0\nplans:\n");
	for (unsigned i = 0; i < PLANS_MAX; i++)
		buf_printf(&text, "  p%u: {tunnels: %u}\n", i, i);
	assert_int_equal(plans_parse("p", buf_slice(&text), &plans, &message), 0);
	assert_int_equal(plans_get(plans, SLICE("p31"))->tunnels, 31);
	plans_free(&plans);
	buf_append_str(&text, "  one-more: {}\n");
	assert_int_equal(plans_parse("p", buf_slice(&text), &plans, &message), ERR_LIMIT);
	buf_release(&text);
	buf_release(&message);
}

static void without_plans_nothing_is_limited(void **state)
{
	struct buf message = {0};
	struct plans *plans;

	assert_int_equal(plans_load(NULL, &plans, &message), 0);
	assert_null(plans);
	assert_true(plans_get(plans, SLICE("free"))->tunnels == PLAN_UNLIMITED);
	assert_false(plan_limits_tunnels(plans_anonymous(plans)));
	assert_string_equal(plans_at(plans, 0)->name, "unlimited");
	assert_null(plans_at(plans, 1));
}

static void the_standard_plans_are_those_of_the_seed(void **state)
{
	static const struct {
		const char *name;
		uint64_t tunnels, names, passwords, requests, idle_ms;
	} rows[] = {
		{"free", 1, 0, 1, 60, 7200000},
		{"starter", 2, 0, 2, 300, PLAN_UNLIMITED},
		{"pro", 5, 10, PLAN_UNLIMITED, 1000, PLAN_UNLIMITED},
		{"team", 10, 20, PLAN_UNLIMITED, 2000, PLAN_UNLIMITED},
	};
	struct buf message = {0};
	struct plans *plans;

	assert_int_equal(plans_load("standard", &plans, &message), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct plan *p = plans_at(plans, i);

		assert_string_equal(p->name, rows[i].name);
		assert_true(p->tunnels == rows[i].tunnels && p->names == rows[i].names);
		assert_true(p->password_tunnels == rows[i].passwords);
		assert_true(p->requests_per_minute == rows[i].requests);
		assert_true(p->idle_ms == rows[i].idle_ms);
	}
	assert_null(plans_at(plans, 4));
	assert_string_equal(plans_get(plans, SLICE(""))->name, "free");
	plans_free(&plans);
}

static void a_file_that_is_not_there_is_named(void **state)
{
	struct buf message = {0};
	struct plans *plans;

	assert_int_equal(plans_load("/nowhere/plans.yaml", &plans, &message), ERR_NOT_FOUND);
	assert_null(plans);
	assert_true(slice_starts(buf_slice(&message),
		SLICE("--plans: /nowhere/plans.yaml: cannot be read: ENOENT")));
	buf_release(&message);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_files_are_refused_with_the_place),
		cmocka_unit_test(a_file_sets_what_it_names_and_limits_nothing_else),
		cmocka_unit_test(accounts_without_a_known_plan_have_the_default),
		cmocka_unit_test(tunnels_without_an_account_have_the_default_unless_told),
		cmocka_unit_test(there_may_be_so_many_and_no_more),
		cmocka_unit_test(without_plans_nothing_is_limited),
		cmocka_unit_test(the_standard_plans_are_those_of_the_seed),
		cmocka_unit_test(a_file_that_is_not_there_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
