/* What the options about accounts mean together. */
#include "relay/relay_accounts.h"

#include "relay_start.h"

#define START_TEST(name)                                                                           \
	cmocka_unit_test_setup_teardown(name, relay_start_set_up, relay_start_tear_down)

static void keys_are_optional_where_there_are_accounts(void **state)
{
	static const struct {
		const char *words, *variables;
		enum relay_auth auth;
	} rows[] = {
		{"", "", RELAY_AUTH_OFF},
		{"--auth off", "", RELAY_AUTH_OFF},
		{"--auth auto", "", RELAY_AUTH_OFF},
		{"--state-dir s", "", RELAY_AUTH_OPTIONAL},
		{"--state-dir s --auth auto", "", RELAY_AUTH_OPTIONAL},
		{"--state-dir s --auth off", "", RELAY_AUTH_OFF},
		{"--state-dir s", "LT_AUTH=required", RELAY_AUTH_REQUIRED},
		{"", "STATE_DIRECTORY=/var/lib/adit", RELAY_AUTH_OPTIONAL},
		{"--database postgresql://db/adit", "", RELAY_AUTH_OPTIONAL},
		{"--database postgres://db/adit --auth required", "", RELAY_AUTH_REQUIRED},
	};
	struct relay_start *s = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(relay_start(s, rows[i].words, rows[i].variables), 0);
		assert_int_equal(s->conf->auth, rows[i].auth);
	}
}

static void the_folder_is_ours_or_that_of_systemd(void **state)
{
	static const struct {
		const char *words, *variables, *expected;
	} rows[] = {
		{"--state-dir a:b", "", "a:b"},
		{"", "LT_STATE_DIR=a", "a"},
		{"", "STATE_DIRECTORY=/var/lib/adit", "/var/lib/adit"},
		{"", "STATE_DIRECTORY=/var/lib/adit:/var/lib/other", "/var/lib/adit"},
		{"", "STATE_DIRECTORY=/var/lib/adit LT_STATE_DIR=a", "a"},
		{"", "LT_STATE_DIR=a STATE_DIRECTORY=/var/lib/adit", "a"},
		{"--state-dir b", "STATE_DIRECTORY=/var/lib/adit", "b"},
	};
	struct relay_start *s = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(relay_start(s, rows[i].words, rows[i].variables), 0);
		assert_string_equal(s->conf->state_dir, rows[i].expected);
	}
}

static void the_socket_is_in_the_folder_or_where_it_is_told(void **state)
{
	static const struct {
		const char *words, *variables, *expected;
	} rows[] = {
		{"", "", NULL},
		{"--state-dir a", "", "a/admin.sock"},
		{"", "STATE_DIRECTORY=/var/lib/adit:/var/lib/other", "/var/lib/adit/admin.sock"},
		{"--state-dir a --admin-socket b", "", "b"},
		{"--database postgresql://db/adit", "", NULL},
		{"--database postgresql://db/adit", "LT_ADMIN_SOCKET=/run/a", "/run/a"},
		{"--database postgresql://db/adit --state-dir a", "", "a/admin.sock"},
	};
	struct relay_start *s = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(relay_start(s, rows[i].words, rows[i].variables), 0);
		if (rows[i].expected)
			assert_string_equal(s->conf->admin_socket, rows[i].expected);
		else
			assert_null(s->conf->admin_socket);
	}
}

static void what_cannot_be_is_said_at_the_start(void **state)
{
	static const struct {
		const char *words, *variables, *message;
	} rows[] = {
		{"--auth required", "",
			"--auth: keys are kept in a store; give --state-dir or --database as well"},
		{"", "LT_AUTH=optional",
			"LT_AUTH in the environment: keys are kept in a store; give --state-dir "
			"or --database as well"},
		{"--admin-socket a", "",
			"--admin-socket: there are no accounts behind it; give --state-dir or "
			"--database as well"},
		{"", "LT_DATABASE=mysql://db/adit",
			"LT_DATABASE in the environment: not a URL of the form "
			"postgresql://user@host/database (for SQLite give --state-dir alone)"},
		{"--database postgresql://me:secret@db/adit", "",
			"--database: every user of the machine could read this password; give the "
			"URL as LT_DATABASE, or the password by PGPASSFILE"},
		{"--database postgresql://me@db/adit?sslmode=require&password=secret", "",
			"--database: every user of the machine could read this password; give the "
			"URL as LT_DATABASE, or the password by PGPASSFILE"},
	};
	struct relay_start *s = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_true(relay_start(s, rows[i].words, rows[i].variables) < 0);
		assert_string_equal(s->message, rows[i].message);
	}
	assert_int_equal(relay_start(s, "", "LT_DATABASE=postgresql://me:secret@db/adit"), 0);
	assert_int_equal(relay_start(s, "--database postgresql://me@db:5432/adit", ""), 0);
}

static void a_relay_is_open_when_strangers_reach_it_and_nothing_is_asked(void **state)
{
	static const struct {
		const char *words, *variables;
		bool open;
	} rows[] = {
		{"", "", true},
		{"--address ::", "", true},
		{"--address 127.0.0.1", "", false},
		{"--address 127.8.0.1", "", false},
		{"--address ::1", "", false},
		{"--admin-port 81 --admin-address 127.0.0.1", "", false},
		{"--admin-port 81 --address 127.0.0.1", "", true},
		{"", "LT_HMAC_SECRET=0123456789abcdef0123456789abcdef", false},
		{"--state-dir s", "", true},
		{"--state-dir s --auth required", "", false},
	};
	struct relay_start *s = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(relay_start(s, rows[i].words, rows[i].variables), 0);
		assert_int_equal(relay_accounts_are_open(s->conf), rows[i].open);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		START_TEST(keys_are_optional_where_there_are_accounts),
		START_TEST(the_folder_is_ours_or_that_of_systemd),
		START_TEST(the_socket_is_in_the_folder_or_where_it_is_told),
		START_TEST(what_cannot_be_is_said_at_the_start),
		START_TEST(a_relay_is_open_when_strangers_reach_it_and_nothing_is_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
