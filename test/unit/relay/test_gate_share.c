/* Links in paths: where the token is, and the path without it. */
#include "relay/gate_share.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct path_case {
	const char *path;
	const char *token; /* NULL: none */
	const char *bare;
};

static const struct path_case cases[] = {
	{"/", NULL, "/"},
	{"/a?", NULL, "/a?"},
	{"/a?b=c", NULL, "/a?b=c"},
	{"/?adit_share=x", "x", "/"},
	{"/a?adit_share=1-2&b=c", "1-2", "/a?b=c"},
	{"/a?b=c&adit_share=x", "x", "/a?b=c"},
	{"/a?b=c&adit_share=x&d=e", "x", "/a?b=c&d=e"},
	{"/a?adit_share=x&adit_share=y", "x", "/a"},
	{"/a?adit_share=", "", "/a"},
	{"/a?adit_share", NULL, "/a?adit_share"},
	{"/a?xadit_share=x", NULL, "/a?xadit_share=x"},
	{"/adit_share=x", NULL, "/adit_share=x"},
	{"/a?&&b", NULL, "/a?&&b"},
	{"/a?b=adit_share=x", NULL, "/a?b=adit_share=x"},
};

static void tokens_are_found_and_taken_out(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct path_case *c = &cases[i];
		struct buf bare = {0};
		struct slice token;

		assert_int_equal(
			gate_share_find(slice_from_str(c->path), &token), c->token != NULL);
		if (c->token)
			assert_true(slice_eq(token, slice_from_str(c->token)));
		gate_share_strip(slice_from_str(c->path), &bare);
		assert_true(slice_eq(buf_slice(&bare), slice_from_str(c->bare)));
		buf_release(&bare);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tokens_are_found_and_taken_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
