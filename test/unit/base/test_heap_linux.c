/* Giving back free memory leaves all that is in use as it is. */
#include "base/heap_linux.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"

#define BLOCKS 512u
#define BLOCK_SIZE 4096u

static void what_is_in_use_stays_as_it_is(void **state)
{
	char *blocks[BLOCKS], expected[BLOCK_SIZE];

	for (unsigned i = 0; i < BLOCKS; i++) {
		blocks[i] = mem_alloc(BLOCK_SIZE);
		memset(blocks[i], (int)(i & 0x7f), BLOCK_SIZE);
	}
	for (unsigned i = 0; i < BLOCKS; i += 2)
		mem_free(blocks[i]);
	heap_release();
	heap_release();
	for (unsigned i = 1; i < BLOCKS; i += 2) {
		memset(expected, (int)(i & 0x7f), BLOCK_SIZE);
		assert_memory_equal(blocks[i], expected, BLOCK_SIZE);
		mem_free(blocks[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_in_use_stays_as_it_is)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
