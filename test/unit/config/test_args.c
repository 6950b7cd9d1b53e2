/* The command line: forms that are understood, and refusals with their sentences. */
#include "config/args.h"

#include "config_table.h"

#define WORDS_MAX 8

struct line_row {
	const char *words[WORDS_MAX];
	const char *option; /* looked at afterwards, or NULL */
	const char *expected; /* its text, or the message */
};

static int read_words(
	const char *const words[], struct opt_set *set, struct args *args, struct buf *message)
{
	char *argv[WORDS_MAX + 2] = {(char *)"program"};
	int argc = 1;

	for (size_t i = 0; i < WORDS_MAX && words[i]; i++)
		argv[argc++] = (char *)words[i];
	opt_set_init(set, &config_table);
	return args_read(set, &(struct args_line) {.argc = argc, .argv = argv}, args, message);
}

static void values_come_in_every_usual_form(void **state)
{
	static const struct line_row rows[] = {
		{{"--port", "81"}, "port", "81"},
		{{"--port=81"}, "port", "81"},
		{{"--port", "-1"}, "port", "-1"},
		{{"--title=a=b"}, "title", "a=b"},
		{{"--loud"}, "loud", "true"},
		{{"--loud", "false"}, "loud", "false"},
		{{"--loud=false"}, "loud", "false"},
		{{"--loud", "--port", "81"}, "loud", "true"},
		{{"--loud", "--port", "81"}, "port", "81"},
		{{"--loud", "run"}, "loud", "true"},
		{{"run", "--port", "81"}, "port", "81"},
		{{"--port", "81", "run"}, "port", "81"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		enum opt_layer layer;
		struct buf message;
		struct opt_set set;
		struct args args;

		buf_init(&message);
		assert_int_equal(read_words(rows[i].words, &set, &args, &message), 0);
		assert_string_equal(
			opt_set_get(&set, table_opt(rows[i].option), &layer), rows[i].expected);
		assert_int_equal(layer, OPT_LAYER_FLAG);
		opt_set_deinit(&set);
		buf_release(&message);
	}
}

static void refusals_say_what_to_write_instead(void **state)
{
	static const struct line_row rows[] = {
		{{"--prot", "80"}, NULL, "unknown option --prot; did you mean --port?"},
		{{"--prot=80"}, NULL, "unknown option --prot; did you mean --port?"},
		{{"-port"}, NULL, "unknown option -port; did you mean --port?"},
		{{"--hlep"}, NULL, "unknown option --hlep; did you mean --help?"},
		{{"--zzzzzzzz"}, NULL, "unknown option --zzzzzzzz (--help lists them all)"},
		{{"--"}, NULL, "unknown option -- (--help lists them all)"},
		{{"--port"}, NULL, "--port needs a value: --port PORT"},
		{{"--port="}, NULL, "--port needs a value: --port PORT"},
		{{"--port", "--loud"}, NULL, "--port needs a value: --port PORT"},
		{{"--port", ""}, NULL, "--port needs a value: --port PORT"},
		{{"--port", "1", "--port=1"}, NULL, "--port is given twice"},
		{{"run", "fast"}, NULL, "unexpected argument \"fast\""},
		{{"--key", "hush"}, NULL,
			"--key cannot be given on the command line, where every user of the "
			"machine "
			"could read it; set LT_KEY or use --key-file"},
		{{"--key=hush"}, NULL,
			"--key cannot be given on the command line, where every user of the "
			"machine "
			"could read it; set LT_KEY or use --key-file"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct buf message;
		struct opt_set set;
		struct args args;

		buf_init(&message);
		assert_true(read_words(rows[i].words, &set, &args, &message) < 0);
		assert_string_equal(table_text(&message), rows[i].expected);
		opt_set_deinit(&set);
		buf_release(&message);
	}
}

static void words_and_built_in_switches_are_told_apart(void **state)
{
	static const char *const line[WORDS_MAX] = {"check", "--json"};
	static const char *const help[WORDS_MAX] = {"-h", "--nonsense"};
	static const char *const version[WORDS_MAX] = {"--version"};
	struct buf message;
	struct opt_set set;
	struct args args;

	buf_init(&message);
	assert_int_equal(read_words(line, &set, &args, &message), 0);
	assert_string_equal(args.command, "check");
	assert_true(args.json && !args.help && !args.version);
	opt_set_deinit(&set);
	assert_int_equal(read_words(help, &set, &args, &message), 0);
	assert_true(args.help);
	opt_set_deinit(&set);
	assert_int_equal(read_words(version, &set, &args, &message), 0);
	assert_true(args.version);
	opt_set_deinit(&set);
	buf_release(&message);
}

/* Where a table allows it: what stands in argv is what the process list shows. */
static void a_secret_is_wiped_from_the_command_line(void **state)
{
	char behind[] = "--key=hunter22", alone[] = "hunter23",
	     *rows[][4] = {{(char *)"program", behind, NULL},
		     {(char *)"program", (char *)"--key", alone, NULL}};
	struct opt key = *table_opt("key");
	const struct opt_table table = {&key, 1, config_table.groups};

	key.flags = 0;
	for (int i = 0; i < 2; i++) {
		struct buf message = {0};
		enum opt_layer layer;
		struct opt_set set;
		struct args args;

		opt_set_init(&set, &table);
		assert_int_equal(
			args_read(&set, &(struct args_line) {.argc = 2 + i, .argv = rows[i]}, &args,
				&message),
			0);
		assert_string_equal(opt_set_get(&set, &key, &layer), i ? "hunter23" : "hunter22");
		opt_set_deinit(&set);
	}
	assert_memory_equal(behind, "--key=\0\0\0\0\0\0\0\0", sizeof(behind));
	assert_memory_equal(alone, "\0\0\0\0\0\0\0\0", sizeof(alone));
}

/* --token: the text is asked for, and nothing behind it can be meant as one. */
static void a_secret_that_is_asked_for_is_a_bare_switch(void **state)
{
	static const struct {
		const char *words[WORDS_MAX];
		bool good;
	} rows[] = {
		{{"--key"}, true},
		{{"--key", "-h"}, true},
		{{"run", "--key"}, true},
		{{"--key=hunter22"}, false},
		{{"--key", "hunter22"}, false},
		{{"--key", "--"}, false},
	};
	struct opt key = *table_opt("key");
	const struct opt_table table = {&key, 1, config_table.groups};

	key.flags = OPT_ASKED;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char *argv[WORDS_MAX + 2] = {(char *)"program"};
		struct buf message = {0};
		enum opt_layer layer;
		struct opt_set set;
		struct args args;
		int argc = 1, err;

		for (size_t k = 0; k < WORDS_MAX && rows[i].words[k]; k++)
			argv[argc++] = (char *)(uintptr_t)rows[i].words[k];
		opt_set_init(&set, &table);
		err = args_read(&set,
			&(struct args_line) {.argc = argc, .argv = argv, .max_words = 4}, &args,
			&message);
		assert_int_equal(err == 0, rows[i].good);
		assert_null(strstr(table_text(&message), "hunter22"));
		if (!err)
			assert_string_equal(opt_set_get(&set, &key, &layer), "-");
		opt_set_deinit(&set);
		buf_release(&message);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_secret_is_wiped_from_the_command_line),
		cmocka_unit_test(a_secret_that_is_asked_for_is_a_bare_switch),
		cmocka_unit_test(values_come_in_every_usual_form),
		cmocka_unit_test(refusals_say_what_to_write_instead),
		cmocka_unit_test(words_and_built_in_switches_are_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
