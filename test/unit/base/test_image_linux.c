/* What the program is mapped from: given back where it is as the file has it, and nowhere else. */
#include "base/image_linux.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGES 8
#define PAGE_MAX 65536

/* Parts of this program. */
static const char constant[PAGES * PAGE_MAX]
	__attribute__((aligned(PAGE_MAX))) = {[0 ... PAGES * PAGE_MAX - 1] = 'f'};
static const char changed[PAGES * PAGE_MAX]
	__attribute__((aligned(PAGE_MAX))) = {[0 ... PAGES * PAGE_MAX - 1] = 'f'};

struct fixture {
	size_t page;
	size_t len;
	int fd;
};

static int fixture_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	char name[] = "/tmp/image-XXXXXX", *bytes;

	f->page = (size_t)sysconf(_SC_PAGESIZE);
	f->len = PAGES * f->page;
	f->fd = mkstemp(name);
	assert_true(f->fd >= 0);
	unlink(name);
	bytes = malloc(f->len);
	memset(bytes, 'f', f->len);
	assert_int_equal(write(f->fd, bytes, f->len), f->len);
	free(bytes);
	*state = f;
	return 0;
}

static int fixture_teardown(void **state)
{
	struct fixture *f = *state;

	close(f->fd);
	free(f);
	return 0;
}

static volatile char *map(const struct fixture *f, int access, int kind)
{
	void *at = mmap(NULL, f->len, access, kind, f->fd, 0);

	assert_ptr_not_equal(at, MAP_FAILED);
	return at;
}

/* How many pages the process has of it. */
static unsigned count(const struct fixture *f, const volatile char *at)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t entries[PAGES];
	unsigned found = 0;

	assert_int_equal(pread(fd, entries, sizeof(entries),
				 (off_t)((uintptr_t)at / f->page * sizeof(*entries))),
		sizeof(entries));
	close(fd);
	for (unsigned i = 0; i < PAGES; i++)
		found += entries[i] >> 63 ? 1 : 0;
	return found;
}

static void touch(const struct fixture *f, const volatile char *at)
{
	for (unsigned i = 0; i < PAGES; i++)
		assert_int_equal(at[i * f->page], 'f');
	assert_int_equal(count(f, at), PAGES);
}

static void constant_pages_are_given_back_and_come_again(void **state)
{
	struct fixture *f = *state;

	touch(f, constant);
	image_release();
	assert_int_equal(count(f, constant), 0);
	touch(f, constant);
}

/* As the loader does with relocations, and a debugger with code. */
static void pages_that_were_changed_stay_as_they_are(void **state)
{
	struct fixture *f = *state;
	volatile char *at = (volatile char *)changed;

	assert_int_equal(mprotect((void *)changed, f->len, PROT_READ | PROT_WRITE), 0);
	at[3 * f->page] = 'r';
	assert_int_equal(mprotect((void *)changed, f->len, PROT_READ), 0);
	image_release();
	assert_int_equal(at[3 * f->page], 'r');
}

/* As the loader maps all of a library at first, on any thread, before it writes to its data. */
static void what_is_no_part_of_the_program_yet_stays(void **state)
{
	struct fixture *f = *state;
	volatile char *at = map(f, PROT_READ, MAP_PRIVATE);

	touch(f, at);
	image_release();
	assert_int_equal(count(f, at), PAGES);
	munmap((void *)at, f->len);
}

static void pages_that_may_be_written_stay(void **state)
{
	struct fixture *f = *state;
	volatile char *at = map(f, PROT_READ | PROT_WRITE, MAP_PRIVATE);

	touch(f, at);
	image_release();
	assert_int_equal(count(f, at), PAGES);
	munmap((void *)at, f->len);
}

static void shared_pages_stay(void **state)
{
	struct fixture *f = *state;
	volatile char *at = map(f, PROT_READ, MAP_SHARED);

	touch(f, at);
	image_release();
	assert_int_equal(count(f, at), PAGES);
	munmap((void *)at, f->len);
}

static void memory_without_a_file_stays(void **state)
{
	struct fixture *f = *state;
	volatile char *at =
		mmap(NULL, f->len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	memset((void *)at, 'f', f->len);
	assert_int_equal(mprotect((void *)at, f->len, PROT_READ), 0);
	image_release();
	touch(f, at);
	munmap((void *)at, f->len);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(constant_pages_are_given_back_and_come_again,
			fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(
			pages_that_were_changed_stay_as_they_are, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(
			what_is_no_part_of_the_program_yet_stays, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(
			pages_that_may_be_written_stay, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(shared_pages_stay, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(
			memory_without_a_file_stays, fixture_setup, fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
