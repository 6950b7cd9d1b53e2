/* Values in the fields of a struct: storing, printing, comparing, freeing. */
#include "config/opt_value.h"

#include "config_table.h"

static int store(struct table_values *values, const char *name, const char *text)
{
	struct buf why;
	int err;

	buf_init(&why);
	err = opt_value_store(table_opt(name), values, slice_from_str(text), &why);
	assert_int_equal(err == 0, buf_len(&why) == 0);
	buf_release(&why);
	return err;
}

static const char *print(const struct table_values *values, const char *name)
{
	static char text[256];
	struct buf out;

	buf_init(&out);
	opt_value_print(table_opt(name), values, &out);
	slice_to_str(buf_slice(&out), text, sizeof(text));
	buf_release(&out);
	return text;
}

static void each_type_lands_in_its_field_and_prints_back(void **state)
{
	static const struct {
		const char *name, *text, *printed;
	} rows[] = {
		{"loud", "yes", "true"},
		{"loud", "OFF", "false"},
		{"port", "8080", "8080"},
		{"max-count", "1000", "1000"},
		{"max-size", "1m", "1m"},
		{"wait", "90000", "90s"},
		{"age", "3600", "1h"},
		{"title", "any text", "any text"},
		{"key-file", "/a/b", "/a/b"},
		{"address", "[::]", "::"},
		{"domain", "EXAMPLE.com", "example.com"},
		{"landing", "/x", "/x"},
		{"key", "very secret", "********"},
		{"names", "A, b,,c ", "a,b,c"},
		{"names", "", ""},
		{"colour", "Green", "green"},
	};
	struct table_values values = {0};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(store(&values, rows[i].name, rows[i].text), 0);
		assert_string_equal(print(&values, rows[i].name), rows[i].printed);
	}
	assert_int_equal(values.port, 8080);
	assert_int_equal(values.size, 1u << 20);
	assert_int_equal(values.wait_ms, 90000);
	assert_int_equal(values.colour, TABLE_GREEN);
	assert_string_equal(values.secret, "very secret");
	assert_null(values.names[0]);
	opt_set_free_values(&config_table, &values);
	assert_null(values.secret);
	assert_null(values.names);
}

static void a_refused_text_leaves_the_field_alone(void **state)
{
	struct table_values values = {0};

	assert_int_equal(store(&values, "domain", "example.com"), 0);
	assert_int_equal(store(&values, "port", "81"), 0);
	assert_true(store(&values, "domain", "http://x") < 0);
	assert_true(store(&values, "port", "70000") < 0);
	assert_true(store(&values, "loud", "1") < 0);
	assert_true(store(&values, "colour", "blue") < 0);
	assert_string_equal(values.host, "example.com");
	assert_int_equal(values.port, 81);
	opt_set_free_values(&config_table, &values);
}

static void neighbours_of_a_field_stay_as_they_are(void **state)
{
	struct table_values values;

	memset(&values, 0xff, sizeof(values));
	assert_int_equal(store(&values, "port", "1"), 0);
	assert_int_equal(store(&values, "max-count", "2"), 0);
	assert_int_equal(values.port, 1);
	assert_int_equal(values.count, 2);
	assert_int_equal(values.size, UINT32_MAX);
	assert_int_equal(values.wait_ms, UINT64_MAX);
}

static void an_option_without_effect_is_checked_and_not_stored(void **state)
{
	struct table_values values = {0}, before = {0};

	assert_int_equal(store(&values, "old", "200"), 0);
	assert_true(store(&values, "old", "never") < 0);
	assert_memory_equal(&values, &before, sizeof(values));
	assert_false(opt_value_is_set(table_opt("old"), &values));
}

static void differences_are_seen_in_every_type(void **state)
{
	static const struct {
		const char *name, *one, *other;
	} rows[] = {
		{"loud", "true", "false"},
		{"port", "1", "2"},
		{"title", "a", "b"},
		{"names", "a,b", "a,c"},
		{"names", "a,b", "a"},
		{"colour", "red", "green"},
	};
	struct table_values a = {0}, b = {0};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct opt *o = table_opt(rows[i].name);

		assert_int_equal(store(&a, rows[i].name, rows[i].one), 0);
		assert_int_equal(store(&b, rows[i].name, rows[i].other), 0);
		assert_false(opt_value_is_equal(o, &a, &b));
		assert_int_equal(store(&b, rows[i].name, rows[i].one), 0);
		assert_true(opt_value_is_equal(o, &a, &b));
	}
	opt_value_free(table_opt("title"), &b);
	assert_false(opt_value_is_equal(table_opt("title"), &a, &b));
	opt_set_free_values(&config_table, &a);
	opt_set_free_values(&config_table, &b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_type_lands_in_its_field_and_prints_back),
		cmocka_unit_test(a_refused_text_leaves_the_field_alone),
		cmocka_unit_test(neighbours_of_a_field_stay_as_they_are),
		cmocka_unit_test(an_option_without_effect_is_checked_and_not_stored),
		cmocka_unit_test(differences_are_seen_in_every_type),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
