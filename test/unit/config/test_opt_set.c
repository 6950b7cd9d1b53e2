/* Layers: the highest wins, every one is checked, and the origin is remembered. */
#include "config/opt_set.h"

#include <stdio.h>

#include "base/mem.h"
#include "config_table.h"

struct fixture {
	struct opt_set set;
	struct table_values values;
	struct opt_origin *origins;
	struct buf message;
	struct buf warnings;
};

static int set_up(void **state)
{
	struct fixture *f = MEM_NEW(struct fixture);

	opt_set_init(&f->set, &config_table);
	f->origins = mem_zero(config_table.count * sizeof(*f->origins));
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	opt_set_deinit(&f->set);
	opt_set_free_values(&config_table, &f->values);
	opt_origins_free(&f->origins, config_table.count);
	buf_release(&f->message);
	buf_release(&f->warnings);
	mem_free(f);
	return 0;
}

static void put(struct fixture *f, const char *name, enum opt_layer layer, const char *text)
{
	opt_set_put(&f->set, table_opt(name), layer, slice_from_str(text),
		slice_from_str(opt_layer_name(layer)));
}

static int apply(struct fixture *f)
{
	const struct opt_report report = {&f->message, &f->warnings};

	return opt_set_apply(&f->set, &f->values, f->origins, &report);
}

static void without_a_word_every_value_is_the_default(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(apply(f), 0);
	assert_int_equal(f->values.port, 80);
	assert_int_equal(f->values.wait_ms, 30000);
	assert_string_equal(f->values.names[1], "api");
	assert_null(f->values.title);
	assert_int_equal(f->origins[0].layer, OPT_LAYER_DEFAULT);
	assert_null(f->origins[0].where);
}

static void each_layer_covers_those_below(void **state)
{
	struct fixture *f = *state;
	const struct opt_origin *origin = &f->origins[opt_index(&config_table, table_opt("port"))];
	enum opt_layer layer;
	char text[16];

	for (int at = OPT_LAYER_FILE; at < OPT_LAYER_COUNT; at++) {
		(void)snprintf(text, sizeof(text), "%d", 100 + at);
		put(f, "port", (enum opt_layer)at, text);
		assert_string_equal(opt_set_get(&f->set, table_opt("port"), &layer), text);
		assert_int_equal(layer, at);
		assert_int_equal(apply(f), 0);
		assert_int_equal(f->values.port, 100 + at);
		assert_int_equal(origin->layer, at);
		assert_string_equal(origin->where, opt_layer_name((enum opt_layer)at));
	}
}

static void a_mistake_counts_even_when_it_is_covered(void **state)
{
	struct fixture *f = *state;

	put(f, "port", OPT_LAYER_FILE, "x");
	put(f, "port", OPT_LAYER_FLAG, "80");
	assert_true(apply(f) < 0);
	assert_string_equal(table_text(&f->message), "file: \"x\" is not a number (0 to 65535)");
}

static void in_the_environment_some_switches_know_one_word_only(void **state)
{
	static const struct {
		enum opt_layer layer;
		const char *text;
		bool expected, warns;
	} rows[] = {
		{OPT_LAYER_ENV, "true", true, false},
		{OPT_LAYER_ENV, "false", false, false},
		{OPT_LAYER_ENV, "1", false, true},
		{OPT_LAYER_ENV, "TRUE", false, true},
		{OPT_LAYER_DOTENV, "yes", false, true},
		{OPT_LAYER_DOTENV_LOCAL, "on", false, true},
		{OPT_LAYER_FLAG, "on", true, false},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fixture *f;

		set_up((void **)&f);
		put(f, "strict", rows[i].layer, rows[i].text);
		assert_int_equal(apply(f), 0);
		assert_int_equal(f->values.strict, rows[i].expected);
		assert_int_equal(buf_len(&f->warnings) != 0, rows[i].warns);
		tear_down((void **)&f);
	}
}

static void blanks_are_dropped_except_from_secrets(void **state)
{
	struct fixture *f = *state;

	put(f, "port", OPT_LAYER_ENV, " 81\t");
	put(f, "key", OPT_LAYER_ENV, " k ");
	assert_int_equal(apply(f), 0);
	assert_int_equal(f->values.port, 81);
	assert_string_equal(f->values.secret, " k ");
}

int main(void)
{
#define LAYER_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		LAYER_TEST(without_a_word_every_value_is_the_default),
		LAYER_TEST(each_layer_covers_those_below),
		LAYER_TEST(a_mistake_counts_even_when_it_is_covered),
		LAYER_TEST(in_the_environment_some_switches_know_one_word_only),
		LAYER_TEST(blanks_are_dropped_except_from_secrets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
