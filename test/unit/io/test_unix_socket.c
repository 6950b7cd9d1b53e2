/* Sockets with a path: for their owner alone, however long the path, whatever was there before. */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"
#include "io/unix_socket.h"

struct place {
	char folder[256];
	char path[1024];
};

static int make_place(void **state)
{
	struct place *p = calloc(1, sizeof(*p));
	const char *tmp = getenv("TMPDIR");

	snprintf(p->folder, sizeof(p->folder), "%s/unix-socket-XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(p->folder))
		return -1;
	snprintf(p->path, sizeof(p->path), "%s/a.sock", p->folder);
	*state = p;
	return 0;
}

static int remove_place(void **state)
{
	struct place *p = *state;

	unlink(p->path);
	rmdir(p->folder);
	free(p);
	return 0;
}

static void the_file_is_for_its_owner_alone(void **state)
{
	struct place *p = *state;
	struct stat file;
	int fd, other;

	assert_int_equal(unix_socket_connect(p->path, &other), ERR_NOT_FOUND);
	assert_int_equal(unix_socket_listen(p->path, &fd), 0);
	assert_int_equal(lstat(p->path, &file), 0);
	assert_true(S_ISSOCK(file.st_mode));
	assert_int_equal(file.st_mode & 0777, 0600);
	assert_int_equal(unix_socket_listen(p->path, &other), ERR_BUSY);
	close(fd);
}

static void what_a_dead_process_left_is_replaced(void **state)
{
	struct place *p = *state;
	int fd;

	assert_int_equal(unix_socket_listen(p->path, &fd), 0);
	close(fd);
	assert_int_equal(unix_socket_connect(p->path, &fd), ERR_REFUSED);
	assert_int_equal(unix_socket_listen(p->path, &fd), 0);
	close(fd);
}

static void what_is_no_socket_stays(void **state)
{
	struct place *p = *state;
	int fd = open(p->path, O_CREAT | O_WRONLY, 0600);

	close(fd);
	assert_int_equal(unix_socket_listen(p->path, &fd), ERR_EXISTS);
	assert_int_equal(access(p->path, F_OK), 0);
}

static void *serve(void *arg)
{
	int listener = *(int *)arg, fd;
	char in[16];

	do
		fd = accept(listener, NULL, NULL);
	while (fd < 0);
	assert_true(read(fd, in, sizeof(in)) > 0);
	assert_int_equal(write(fd, in, 5), 5);
	close(fd);
	return NULL;
}

static void a_question_is_answered_over_a_long_path(void **state)
{
	struct place *p = *state;
	struct buf answer = {0};
	char sub[512];
	pthread_t thread;
	int listener, fd;

	snprintf(sub, sizeof(sub), "%s/%0120d", p->folder, 7);
	assert_int_equal(mkdir(sub, 0700), 0);
	snprintf(p->path, sizeof(p->path), "%s/a.sock", sub);
	assert_int_equal(unix_socket_listen(p->path, &listener), 0);
	assert_int_equal(pthread_create(&thread, NULL, serve, &listener), 0);
	assert_int_equal(unix_socket_connect(p->path, &fd), 0);
	assert_int_equal(unix_socket_ask(fd, SLICE("hello"), 10, &answer, 1000), 0);
	assert_true(slice_eq(buf_slice(&answer), SLICE("hello")));
	pthread_join(thread, NULL);
	close(fd);
	close(listener);
	buf_release(&answer);
	unlink(p->path);
	rmdir(sub);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			the_file_is_for_its_owner_alone, make_place, remove_place),
		cmocka_unit_test_setup_teardown(
			what_a_dead_process_left_is_replaced, make_place, remove_place),
		cmocka_unit_test_setup_teardown(what_is_no_socket_stays, make_place, remove_place),
		cmocka_unit_test_setup_teardown(
			a_question_is_answered_over_a_long_path, make_place, remove_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
