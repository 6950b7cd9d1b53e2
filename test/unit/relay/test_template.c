/* Pages with holes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "relay/template.h"

static void holes_are_filled_once_and_escaped(void **state)
{
	const struct template_value values[] = {
		{"a", SLICE("<b>")}, {"empty", {NULL, 0}}, {"hole", SLICE("{{a}}")}};
	struct buf out = {0};

	template_write(&out, SLICE("{{a}} { } {{empty}}|{{hole}}{{a}}"), values,
		sizeof(values) / sizeof(*values));
	assert_true(slice_eq(buf_slice(&out), SLICE("&lt;b&gt; { } |{{a}}&lt;b&gt;")));
	buf_release(&out);
}

static void a_page_without_holes_is_copied(void **state)
{
	struct buf out = {0};

	template_write(&out, SLICE("plain"), NULL, 0);
	template_write(&out, SLICE(""), NULL, 0);
	assert_true(slice_eq(buf_slice(&out), SLICE("plain")));
	buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(holes_are_filled_once_and_escaped),
		cmocka_unit_test(a_page_without_holes_is_copied),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
