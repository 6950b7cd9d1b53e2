/* One datagram to whoever started the program, or to nobody. */
#include "io/notify.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int listen_at(const char *name, struct sockaddr_un *at, size_t len)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	*at = (struct sockaddr_un) {.sun_family = AF_UNIX};
	memcpy(at->sun_path, name, len);
	assert_int_equal(bind(fd, (const struct sockaddr *)at,
				 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)),
		0);
	return fd;
}

static void hears(int fd, const char *text)
{
	char got[64] = "";

	assert_int_equal(recv(fd, got, sizeof(got) - 1, 0), strlen(text));
	assert_string_equal(got, text);
}

static void a_path_is_told(void **state)
{
	struct sockaddr_un at;
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/tmp/adit-notify-%d", (int)getpid());
	fd = listen_at(path, &at, strlen(path));
	notify_send(path, SLICE("READY=1"));
	hears(fd, "READY=1");
	close(fd);
	unlink(path);
	notify_send(path, SLICE("READY=1")); /* nobody is there any more */
}

static void an_abstract_name_is_told(void **state)
{
	struct sockaddr_un at;
	char name[64];
	size_t len = (size_t)snprintf(name, sizeof(name), "@adit-notify-%d", (int)getpid());
	int fd;

	name[0] = '\0';
	fd = listen_at(name, &at, len);
	name[0] = '@';
	notify_send(name, SLICE("STOPPING=1"));
	hears(fd, "STOPPING=1");
	close(fd);
}

static void what_is_no_address_is_left_alone(void **state)
{
	char longest[200];

	memset(longest, 'x', sizeof(longest) - 1);
	longest[0] = '/';
	longest[sizeof(longest) - 1] = '\0';
	notify_send(NULL, SLICE("READY=1"));
	notify_send("", SLICE("READY=1"));
	notify_send("@", SLICE("READY=1"));
	notify_send("vsock:2:1", SLICE("READY=1"));
	notify_send(longest, SLICE("READY=1"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_path_is_told),
		cmocka_unit_test(an_abstract_name_is_told),
		cmocka_unit_test(what_is_no_address_is_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
