/* Socket addresses as text and back. */
#include "io/addr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <netinet/in.h>
#include <unistd.h>

#include "base/err.h"
#include "support/tcp_pair.h"

static void an_address_reads_and_writes_in_its_shortest_form(void **state)
{
	static const struct {
		const char *text;
		const char *printed;
		int family;
	} rows[] = {
		{"127.0.0.1", "127.0.0.1", AF_INET},
		{"0.0.0.0", "0.0.0.0", AF_INET},
		{"255.255.255.255", "255.255.255.255", AF_INET},
		{"::", "::", AF_INET6},
		{"::1", "::1", AF_INET6},
		{"2001:DB8:0:0:0:0:0:1", "2001:db8::1", AF_INET6},
		{"::ffff:192.0.2.7", "192.0.2.7", AF_INET6},
		{"::ffff:c000:207", "192.0.2.7", AF_INET6},
		{"1111:2222:3333:4444:5555:6666:7777:8888",
			"1111:2222:3333:4444:5555:6666:7777:8888", AF_INET6},
		{NULL, "::", AF_INET6},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[ADDR_TEXT_MAX];
		struct addr addr;

		assert_int_equal(addr_parse(rows[i].text, 65535, &addr), 0);
		assert_int_equal(addr.storage.ss_family, rows[i].family);
		assert_int_equal(addr_port(&addr), 65535);
		addr_print(&addr, text);
		assert_string_equal(text, rows[i].printed);
	}
}

static void what_is_no_numeric_address_is_refused(void **state)
{
	static const char *const rows[] = {"", " ", "localhost", "127.0.0", "127.0.0.1.1",
		"256.0.0.1", "127.0.0.1:80", "127.0.0.1 ", "0x7f.0.0.1", "[::1]", ":::", "1::2::3",
		"::1%lo", "g::1", "1:2:3:4:5:6:7:8:9"};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct addr addr;

		assert_int_equal(addr_parse(rows[i], 80, &addr), ERR_SYNTAX);
	}
}

static void another_family_prints_as_unknown(void **state)
{
	struct addr addr = {.storage.ss_family = AF_UNIX};
	char text[ADDR_TEXT_MAX];

	addr_print(&addr, text);
	assert_string_equal(text, "unknown");
}

static void a_socket_says_where_it_is_bound(void **state)
{
	char text[ADDR_TEXT_MAX];
	struct addr addr;
	int fds[2];

	tcp_pair_open(fds);
	assert_int_equal(addr_of_socket(fds[0], &addr), 0);
	addr_print(&addr, text);
	assert_string_equal(text, "127.0.0.1");
	assert_int_not_equal(addr_port(&addr), 0);
	close(fds[0]);
	close(fds[1]);
	assert_true(addr_of_socket(-1, &addr) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_reads_and_writes_in_its_shortest_form),
		cmocka_unit_test(what_is_no_numeric_address_is_refused),
		cmocka_unit_test(another_family_prints_as_unknown),
		cmocka_unit_test(a_socket_says_where_it_is_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
