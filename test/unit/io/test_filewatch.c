/* A watched file: written, replaced, created, removed; its neighbours do not count. */
#include "io/filewatch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "io/loop.h"
#include "support/loop_turn.h"

struct fixture {
	struct loop *loop;
	struct filewatch *watch;
	unsigned told;
	char folder[32];
};

static struct fixture fixture;

static const char *path_of(const char *name)
{
	static char path[64];

	snprintf(path, sizeof(path), "%s/%s", fixture.folder, name);
	return path;
}

static void write_file(const char *name)
{
	int fd = open(path_of(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "a: b\n", 5), 5);
	close(fd);
}

static void replace_file(const char *from, const char *to)
{
	char old[64];

	strcpy(old, path_of(from));
	assert_int_equal(rename(old, path_of(to)), 0);
}

static void on_change(void *ctx)
{
	assert_ptr_equal(ctx, &fixture);
	fixture.told++;
}

static int set_up(void **state)
{
	fixture = (struct fixture) {.loop = loop_new(), .folder = "/tmp/test_filewatch.XXXXXX"};
	assert_non_null(mkdtemp(fixture.folder));
	return filewatch_open(
		fixture.loop, path_of("tunnels.yaml"), on_change, &fixture, &fixture.watch);
}

static int tear_down(void **state)
{
	filewatch_close(&fixture.watch);
	filewatch_close(&fixture.watch);
	loop_free(&fixture.loop);
	unlink(path_of("tunnels.yaml"));
	unlink(path_of("other.yaml"));
	return rmdir(fixture.folder);
}

static void wait_for(unsigned told)
{
	LOOP_TURN_UNTIL(fixture.loop, fixture.told >= told);
	assert_int_equal(fixture.told, told);
}

static void every_kind_of_change_is_told_once(void **state)
{
	write_file("tunnels.yaml");
	assert_int_equal(fixture.told, 0);
	wait_for(1);
	write_file("tunnels.yaml");
	write_file("tunnels.yaml");
	wait_for(2);
	write_file("other.yaml");
	replace_file("other.yaml", "tunnels.yaml");
	wait_for(3);
	unlink(path_of("tunnels.yaml"));
	wait_for(4);
}

/* A later change of the watched file is told, so the earlier one of the neighbour was not. */
static void neighbours_do_not_count(void **state)
{
	uint64_t until = loop_now(fixture.loop) + 2 * FILEWATCH_GATHER_MS;

	write_file("other.yaml");
	LOOP_TURN_UNTIL(fixture.loop, loop_now(fixture.loop) >= until);
	assert_int_equal(fixture.told, 0);
	write_file("tunnels.yaml");
	wait_for(1);
}

static void a_link_is_watched_at_both_ends(void **state)
{
	char folder[] = "/tmp/test_filewatch.XXXXXX";
	char link[64];

	assert_non_null(mkdtemp(folder));
	snprintf(link, sizeof(link), "%s/link.yaml", folder);
	write_file("tunnels.yaml");
	assert_int_equal(symlink(path_of("tunnels.yaml"), link), 0);
	filewatch_close(&fixture.watch);
	assert_int_equal(
		filewatch_open(fixture.loop, link, on_change, &fixture, &fixture.watch), 0);
	write_file("tunnels.yaml");
	wait_for(1);
	unlink(link);
	wait_for(2);
	rmdir(folder);
}

/* As deployments do it that put a new folder in place of the one before. */
static void a_link_that_leads_elsewhere_is_followed_there(void **state)
{
	char folder[] = "/tmp/test_filewatch.XXXXXX";
	char link[64];

	assert_non_null(mkdtemp(folder));
	snprintf(link, sizeof(link), "%s/link.yaml", folder);
	write_file("tunnels.yaml");
	write_file("other.yaml");
	assert_int_equal(symlink(path_of("tunnels.yaml"), link), 0);
	filewatch_close(&fixture.watch);
	assert_int_equal(
		filewatch_open(fixture.loop, link, on_change, &fixture, &fixture.watch), 0);
	unlink(link);
	assert_int_equal(symlink(path_of("other.yaml"), link), 0);
	wait_for(1);
	write_file("other.yaml");
	wait_for(2);
	unlink(link);
	wait_for(3);
	rmdir(folder);
}

static void a_folder_that_is_not_there_is_an_error(void **state)
{
	struct filewatch *w = NULL;

	assert_int_equal(filewatch_open(fixture.loop, "/nowhere/a.yaml", on_change, &fixture, &w),
		ERR_NOT_FOUND);
	assert_null(w);
	assert_int_equal(filewatch_open(fixture.loop, "a.yaml", on_change, &fixture, &w), 0);
	filewatch_close(&w);
	assert_int_equal(filewatch_open(fixture.loop, "/a.yaml", on_change, &fixture, &w), 0);
	filewatch_close(&w);
}

int main(void)
{
#define FILEWATCH_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		FILEWATCH_TEST(every_kind_of_change_is_told_once),
		FILEWATCH_TEST(neighbours_do_not_count),
		FILEWATCH_TEST(a_link_is_watched_at_both_ends),
		FILEWATCH_TEST(a_link_that_leads_elsewhere_is_followed_there),
		FILEWATCH_TEST(a_folder_that_is_not_there_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
