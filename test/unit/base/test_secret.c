/* Secrets in memory of their own: copied whole, and left out of core dumps. */
#include "base/secret.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

static void a_secret_is_a_copy(void **state)
{
	char text[] = "hunter22";
	char *secret = secret_dup(slice_from_str(text));

	text[0] = 'x';
	assert_string_equal(secret, "hunter22");
	secret_free(&secret);
	assert_null(secret);
	secret_free(&secret);
}

static void nothing_stays_nothing(void **state)
{
	char *empty = secret_dup(SLICE(""));

	assert_string_equal(empty, "");
	secret_free(&empty);
	assert_null(secret_dup(slice_from_str(NULL)));
}

/* Around the ends of a page. */
static void any_length_fits(void **state)
{
	static char text[3 * 4096];

	memset(text, 's', sizeof(text));
	for (size_t len = 4064; len < 4128; len++) {
		char *secret = secret_dup(slice_of(text, len));

		assert_int_equal(strlen(secret), len);
		secret_free(&secret);
	}
}

/* The flags of the mapping that holds the address, as the kernel shows them. */
static void find_flags(const void *address, char *flags, size_t size)
{
	FILE *maps = fopen("/proc/self/smaps", "re");
	bool is_here = false;
	char line[512];

	assert_non_null(maps);
	flags[0] = '\0';
	while (fgets(line, sizeof(line), maps)) {
		char *end;
		uintptr_t from = (uintptr_t)strtoull(line, &end, 16), to;

		if (*end == '-') {
			to = (uintptr_t)strtoull(end + 1, NULL, 16);
			is_here = (uintptr_t)address >= from && (uintptr_t)address < to;
		} else if (is_here && strncmp(line, "VmFlags:", 8) == 0) {
			slice_to_str(slice_from_str(line), flags, size);
		}
	}
	fclose(maps);
}

static void a_core_dump_has_no_secret(void **state)
{
	char *secret = secret_dup(SLICE("hunter22"));
	char flags[512];

	find_flags(secret, flags, sizeof(flags));
	assert_non_null(strstr(flags, " dd"));
	secret_free(&secret);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_secret_is_a_copy),
		cmocka_unit_test(nothing_stays_nothing),
		cmocka_unit_test(any_length_fits),
		cmocka_unit_test(a_core_dump_has_no_secret),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
