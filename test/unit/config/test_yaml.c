/* YAML option files: what is taken, and what is refused with file and line. */
#include "config/yaml.h"

#include "base/mem.h"
#include "config_table.h"

static int read_text(struct slice text, struct opt_set *set, struct buf *message)
{
	opt_set_init(set, &config_table);
	return yaml_read_options(set, "a.yaml", text, message);
}

static void a_flat_mapping_is_taken(void **state)
{
	static const char text[] = "# comment\n---\nport: 81\nloud: yes\ntitle: \"a b\"\n"
				   "names: [x, 'y']\nmax-count:\nwait: ~\nage: 5m\n...\n";
	enum opt_layer layer;
	struct buf message;
	struct opt_set set;

	buf_init(&message);
	assert_int_equal(read_text(slice_from_str(text), &set, &message), 0);
	assert_string_equal(opt_set_get(&set, table_opt("port"), &layer), "81");
	assert_int_equal(layer, OPT_LAYER_FILE);
	assert_string_equal(opt_set_get(&set, table_opt("loud"), &layer), "yes");
	assert_string_equal(opt_set_get(&set, table_opt("title"), &layer), "a b");
	assert_string_equal(opt_set_get(&set, table_opt("names"), &layer), "x,y,");
	assert_string_equal(opt_set_get(&set, table_opt("max-count"), &layer), "10");
	assert_int_equal(layer, OPT_LAYER_DEFAULT);
	assert_false(opt_set_has(&set, table_opt("wait"), OPT_LAYER_FILE));
	opt_set_deinit(&set);
	buf_release(&message);
}

static void an_empty_file_says_nothing(void **state)
{
	static const char *const texts[] = {"", "\n\n", "# c\n", "---\n", "{}\n"};
	struct buf message;
	struct opt_set set;

	buf_init(&message);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		assert_int_equal(read_text(slice_from_str(texts[i]), &set, &message), 0);
		opt_set_deinit(&set);
	}
	buf_release(&message);
}

static void refusals_name_file_and_line(void **state)
{
	static const struct {
		const char *text, *expected;
	} rows[] = {
		{"\nprot: 1", "a.yaml:2: unknown option \"prot\"; did you mean port?"},
		{"max_count: 1", "a.yaml:1: unknown option \"max_count\"; did you mean max-count?"},
		{"port: 1\n\nport: 2", "a.yaml:3: port is set twice"},
		{"port: [1]", "a.yaml:1: port takes one value here"},
		{"port:\n  a: b", "a.yaml:2: port takes one value here"},
		{"names: [[a]]", "a.yaml:1: a list may hold words only"},
		{"port: ''", "a.yaml:1: the value is empty"},
		{"port: &x 1", "a.yaml:1: anchors and tags are not supported"},
		{"port: !!int 1", "a.yaml:1: anchors and tags are not supported"},
		{"port: *x", "a.yaml:1: aliases are not supported"},
		{"title: \"a\\0b\"", "a.yaml:1: the value has a zero byte"},
		{"[port]: 1", "a.yaml:1: an option name is expected here"},
		{"- port", "a.yaml:1: lines of the form \"option: value\" are expected"},
		{"port", "a.yaml:1: lines of the form \"option: value\" are expected"},
		{"port: 1\n---\nloud: no", "a.yaml:2: there is a second document"},
		{"key: x", "a.yaml:1: key cannot be set in this file; use key-file"},
	};
	struct buf message;
	struct opt_set set;

	buf_init(&message);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		buf_clear(&message);
		assert_true(read_text(slice_from_str(rows[i].text), &set, &message) < 0);
		assert_string_equal(table_text(&message), rows[i].expected);
		opt_set_deinit(&set);
	}
	buf_release(&message);
}

static void what_is_not_yaml_is_refused_with_the_line(void **state)
{
	static const char *const texts[] = {
		"port: 1\n\t- x", "port: \"1", "port: {", "a: b: c", "port: \xff", "%BAD\n---\n"};
	struct buf message;
	struct opt_set set;

	buf_init(&message);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		buf_clear(&message);
		assert_true(read_text(slice_from_str(texts[i]), &set, &message) < 0);
		assert_true(slice_starts(buf_slice(&message), SLICE("a.yaml:")));
		opt_set_deinit(&set);
	}
	buf_release(&message);
}

static void every_prefix_ends_cleanly(void **state)
{
	static const char text[] =
		"port: 81\nnames: [a, 'b', \"c\"]\ntitle: >\n  x\n  y\nloud: no\n";
	struct buf message;
	struct opt_set set;

	buf_init(&message);
	for (size_t len = 0; len < sizeof(text); len++) {
		char *copy = mem_dup(text, len);
		int err = read_text(slice_of(copy, len), &set, &message);

		assert_true(err <= 0);
		opt_set_deinit(&set);
		mem_free(copy);
	}
	buf_release(&message);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_flat_mapping_is_taken),
		cmocka_unit_test(an_empty_file_says_nothing),
		cmocka_unit_test(refusals_name_file_and_line),
		cmocka_unit_test(what_is_not_yaml_is_refused_with_the_line),
		cmocka_unit_test(every_prefix_ends_cleanly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
