/* Documents as rows of keys, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/yaml_walk.h"

#include "base/err.h"

static int print_item(void *ctx, const struct yaml_item *item)
{
	buf_printf(ctx, "%u:%zu:%.*s=%.*s%s;", item->depth, item->line, SLICE_ARG(item->key),
		SLICE_ARG(item->value),
		item->is_mapping        ? "{"
			: item->is_list ? "["
					: "");
	return slice_eq(item->key, SLICE("stop")) ? ERR_LIMIT : 0;
}

static void walk(const char *text, int err_wanted, const char *wanted)
{
	struct buf rows = {0}, message = {0};
	const struct yaml_visitor visitor = {print_item, &rows};
	int err = yaml_walk(&visitor, "t.yaml", slice_from_str(text), &message);
	struct slice got = err == ERR_SYNTAX ? buf_slice(&message) : buf_slice(&rows);

	assert_int_equal(err, err_wanted);
	if (!slice_starts(got, slice_from_str(wanted)))
		fail_msg("%.*s, not %s", SLICE_ARG(got), wanted);
	assert_int_equal(got.len > 0, wanted[0] != '\0');
	buf_release(&rows);
	buf_release(&message);
}

static void keys_come_in_order_with_depth_and_line(void **state)
{
	walk("", 0, "");
	walk("# nothing\n", 0, "");
	walk("a: 1\nb: {c: x, d: {e: ~}}\nf: 'g'\n", 0,
		"0:1:a=1;0:2:b={;1:2:c=x;1:2:d={;2:2:e=;0:3:f=g;");
}

static void a_list_is_one_value(void **state)
{
	walk("a: [1, 'b c']\nb: []\nc:\n  - x\n  - y\nd: 1\n", 0,
		"0:1:a=1,b c[;0:2:b=[;0:3:c=x,y[;0:6:d=1;");
}

static void a_visit_ends_the_walk(void **state)
{
	walk("a: 1\nstop: 2\nb: 3\n", ERR_LIMIT, "0:1:a=1;0:2:stop=2;");
}

static void what_no_file_needs_is_refused(void **state)
{
	walk("- a\n", ERR_SYNTAX, "t.yaml:1: lines of the form");
	walk("a: 1\nb: [[1]]\n", ERR_SYNTAX, "t.yaml:2: one word is expected here");
	walk("a: 1\nb: [{c: 1}]\n", ERR_SYNTAX, "t.yaml:2: one word is expected here");
	walk("a: 1\nb: &x [1]\n", ERR_SYNTAX, "t.yaml:2: one word is expected here");
	walk("a: [1,\n'b,c']\n", ERR_SYNTAX, "t.yaml:2: an item of a list has a comma");
	walk("a: &x 1\n", ERR_SYNTAX, "t.yaml:1: anchors and tags");
	walk("a: 1\nb: *x\n", ERR_SYNTAX, "t.yaml:2: aliases are not supported");
	walk("a: 1\n---\nb: 1\n", ERR_SYNTAX, "t.yaml:2: there is a second document");
	walk("a: {b: {c: {d: {e: 1}}}}\n", ERR_SYNTAX, "t.yaml:1: this is nested too deep");
	walk("a: \"x\\0y\"\n", ERR_SYNTAX, "t.yaml:1: the text has a zero byte");
	walk("a: 1\n\"b", ERR_SYNTAX, "t.yaml:");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_come_in_order_with_depth_and_line),
		cmocka_unit_test(a_list_is_one_value),
		cmocka_unit_test(a_visit_ends_the_walk),
		cmocka_unit_test(what_no_file_needs_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
