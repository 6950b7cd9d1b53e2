/* Environment and .env files as layers. */
#include "config/env.h"

#include "config_table.h"

static const char *get(const struct opt_set *set, const char *name)
{
	enum opt_layer layer;
	const char *text = opt_set_get(set, table_opt(name), &layer);

	return layer == OPT_LAYER_DEFAULT ? NULL : text;
}

static void variables_are_taken_by_their_names(void **state)
{
	static const char *const list[] = {"LT_PORT=81", "FILE_LT_KEY=/k", "LT_TITLE=", "PATH=/bin",
		"LT_MAX_CUONT=3", "LT_ZZZZZZZZ", "LT_KEY= s ", NULL};
	struct buf warnings;
	struct opt_set set;

	buf_init(&warnings);
	opt_set_init(&set, &config_table);
	env_read(&set, (char **)list, &warnings);
	assert_string_equal(get(&set, "port"), "81");
	assert_string_equal(get(&set, "key-file"), "/k");
	assert_string_equal(get(&set, "key"), " s ");
	assert_null(get(&set, "title"));
	assert_string_equal(table_text(&warnings),
		"LT_MAX_CUONT in the environment is not an option and has no effect; did you mean "
		"LT_MAX_COUNT?\n"
		"LT_ZZZZZZZZ in the environment is not an option and has no effect\n");
	assert_string_equal(env_get((char **)list, "PATH"), "/bin");
	assert_null(env_get((char **)list, "PAT"));
	opt_set_deinit(&set);
	buf_release(&warnings);
}

static void secrets_leave_the_environment(void **state)
{
	char secret[] = "LT_KEY=hunter22", other[] = "LT_PORT=81", foreign[] = "KEY=x",
	     bare[] = "LT_KEY";
	char *list[] = {secret, other, foreign, bare, NULL};

	env_forget_secrets(&config_table, list);
	assert_memory_equal(secret, "LT_KEY=\0\0\0\0\0\0\0\0", sizeof(secret));
	assert_string_equal(other, "LT_PORT=81");
	assert_string_equal(foreign, "KEY=x");
	assert_string_equal(bare, "LT_KEY");
}

static int read_file(
	struct opt_set *set, const char *text, struct buf *message, struct buf *warnings)
{
	const struct opt_report report = {message, warnings};

	opt_set_init(set, &config_table);
	return env_read_dotenv(set, OPT_LAYER_DOTENV, ".env", slice_from_str(text), &report);
}

static void lines_of_a_file_are_named_in_warnings_and_errors(void **state)
{
	struct buf message, warnings;
	struct opt_set set;

	buf_init(&message);
	buf_init(&warnings);
	assert_int_equal(read_file(&set, "LT_PORT=81\nLT_PORT=82\njunk\nLT_PRT=1\nOTHER='x\n",
				 &message, &warnings),
		0);
	assert_string_equal(get(&set, "port"), "82");
	assert_string_equal(table_text(&warnings),
		".env:3: not of the form KEY=VALUE, passed over\n"
		".env:4: LT_PRT is not an option and has no effect; did you mean LT_PORT?\n");
	opt_set_deinit(&set);
	assert_true(read_file(&set, "\nLT_KEY='x\n", &message, &warnings) < 0);
	assert_string_equal(table_text(&message), ".env:2: LT_KEY: the quote is never closed");
	opt_set_deinit(&set);
	buf_release(&message);
	buf_release(&warnings);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(secrets_leave_the_environment),
		cmocka_unit_test(variables_are_taken_by_their_names),
		cmocka_unit_test(lines_of_a_file_are_named_in_warnings_and_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
