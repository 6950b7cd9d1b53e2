/* The file of a machine's id: made once, kept, and not missed where there can be none. */
#include "agent/client_id.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64], path[128];
static struct buf id, again, why;

static int set_up(void **state)
{
	snprintf(folder, sizeof(folder), "/tmp/test_client_id.XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/adit/client-id", folder);
	return 0;
}

static int tear_down(void **state)
{
	char below[128];

	unlink(path);
	snprintf(below, sizeof(below), "%s/adit", folder);
	rmdir(below);
	rmdir(folder);
	buf_release(&id);
	buf_release(&again);
	buf_release(&why);
	return 0;
}

static void it_stays_the_same(void **state)
{
	struct stat info;

	client_id_get(path, &id, &why);
	client_id_get(path, &again, &why);
	assert_true(client_id_is_valid(buf_slice(&id)));
	assert_true(slice_eq(buf_slice(&id), buf_slice(&again)));
	assert_int_equal(buf_len(&why), 0);
	assert_int_equal(stat(path, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0600);
}

/* Whose process had the same number as this one, as it has in a container. */
static void a_run_that_ended_in_the_middle_is_in_nobodys_way(void **state)
{
	char beside[160];
	FILE *left;

	snprintf(beside, sizeof(beside), "%s/adit", folder);
	assert_int_equal(mkdir(beside, 0700), 0);
	snprintf(beside, sizeof(beside), "%s.%d", path, (int)getpid());
	left = fopen(beside, "w");
	assert_non_null(left);
	assert_int_equal(fclose(left), 0);
	client_id_get(path, &id, &why);
	unlink(beside);
	assert_int_equal(buf_len(&why), 0);
	client_id_get(path, &again, &why);
	assert_true(slice_eq(buf_slice(&id), buf_slice(&again)));
}

static void where_none_can_be_kept_it_is_told(void **state)
{
	client_id_get("/dev/null/adit/client-id", &id, &why);
	assert_true(client_id_is_valid(buf_slice(&id)));
	assert_true(buf_len(&why) > 0);
}

/* Nobody said where: there is no HOME. */
static void without_a_place_it_lasts_for_this_run(void **state)
{
	client_id_get("", &id, &why);
	client_id_get("", &again, &why);
	assert_true(client_id_is_valid(buf_slice(&id)));
	assert_false(slice_eq(buf_slice(&id), buf_slice(&again)));
	assert_true(slice_starts(buf_slice(&why), SLICE("there is no folder")));
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(it_stays_the_same),
		T(a_run_that_ended_in_the_middle_is_in_nobodys_way),
		T(where_none_can_be_kept_it_is_told),
		T(without_a_place_it_lasts_for_this_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
