/* The whole road from command line, environment and files to values. */
#include "relay_start.h"

#define START_TEST(name)                                                                           \
	cmocka_unit_test_setup_teardown(name, relay_start_set_up, relay_start_tear_down)

static void the_defaults_are_those_of_the_contract(void **state)
{
	struct relay_start *s = *state;

	assert_int_equal(relay_start(s, "", ""), 0);
	assert_int_equal(s->command, RELAY_RUN);
	assert_int_equal(s->conf->port, 80);
	assert_string_equal(s->conf->address, "0.0.0.0");
	assert_int_equal(s->conf->admin_port, 0);
	assert_string_equal(s->conf->admin_address, "0.0.0.0");
	assert_false(s->conf->secure || s->conf->strict || s->conf->trust_proxy);
	assert_null(s->conf->domain);
	assert_null(s->conf->landing);
	assert_int_equal(s->conf->max_sockets, 10);
	assert_int_equal(s->conf->max_tunnels, 1000000);
	assert_int_equal(s->conf->max_waiting, 256);
	assert_int_equal(s->conf->grace_ms, 30000);
	assert_int_equal(s->conf->max_grace_ms, 300000);
	assert_int_equal(s->conf->retry_after_s, 5);
	assert_int_equal(s->conf->request_timeout_ms, 5000);
	assert_int_equal(s->conf->websocket_timeout_ms, 10000);
	assert_int_equal(s->conf->response_timeout_ms, 60000);
	assert_int_equal(s->conf->head_timeout_ms, 10000);
	assert_int_equal(s->conf->keep_alive_timeout_ms, 75000);
	assert_int_equal(s->conf->idle_timeout_ms, 3600000);
	assert_int_equal(s->conf->drain_timeout_ms, 30000);
	assert_int_equal(s->conf->max_target, 16384);
	assert_int_equal(s->conf->max_head, 65536);
	assert_int_equal(s->conf->max_fields, 100);
	assert_int_equal(s->conf->max_body, 0);
	assert_null(s->conf->hmac_secret);
	assert_int_equal(s->conf->hmac_tolerance_s, 60);
	assert_int_equal(s->conf->hmac_nonce_threshold_s, 3600);
	assert_int_equal(s->conf->hmac_nonce_ttl_s, 7200);
	assert_true(s->conf->forwarded && s->conf->access_log && !s->conf->hmac_terse);
	assert_int_equal(s->conf->log_level, LOG_INFO);
	assert_int_equal(s->conf->log_format, LOG_FORMAT_AUTO);
	assert_string_equal(s->conf->reserved_names[0], "www");
	assert_string_equal(s->warnings, "");
}

static void each_place_covers_the_weaker_ones(void **state)
{
	struct relay_start *s = *state;

	relay_start_write_file("a.yaml",
		"port: 81\nmax-sockets: 81\nmax-waiting: 81\n"
		"max-fields: 81\nretry-after: 81\n");
	relay_start_write_file(".env",
		"LT_PORT=82\nLT_MAX_SOCKETS=82\nLT_MAX_WAITING=82\n"
		"LT_MAX_FIELDS=82\n");
	relay_start_write_file(".env.local", "LT_PORT=83\nLT_MAX_SOCKETS=83\nLT_MAX_WAITING=83\n");
	assert_int_equal(relay_start(s, "--config a.yaml --port=85",
				 "LT_PORT=84 LT_MAX_SOCKETS=84 LT_MAX_FIELDS="),
		0);
	assert_int_equal(s->conf->port, 85);
	assert_int_equal(s->conf->max_sockets, 84);
	assert_int_equal(s->conf->max_waiting, 83);
	assert_int_equal(s->conf->max_fields, 82);
	assert_int_equal(s->conf->retry_after_s, 81);
	assert_string_equal(s->conf->config_file, "a.yaml");
	assert_int_equal(relay_start(s, "", "NODE_ENV=production LT_CONFIG=a.yaml"), 0);
	assert_int_equal(s->conf->port, 81);
	assert_int_equal(relay_start(s, "", "NODE_ENV=development"), 0);
	assert_int_equal(s->conf->port, 83);
}

static void a_number_that_cannot_be_is_refused_with_its_place(void **state)
{
	static const struct {
		const char *words, *variables, *message;
	} rows[] = {
		{"--port 70000", "", "--port: 70000 is out of range (0 to 65535)"},
		{"--port abc", "", "--port: \"abc\" is not a number (0 to 65535)"},
		{"", "LT_PORT=abc",
			"LT_PORT in the environment: \"abc\" is not a number (0 to 65535)"},
		{"", "LT_MAX_SOCKETS=0",
			"LT_MAX_SOCKETS in the environment: 0 is out of range (1 to 1000)"},
		{"", "LT_GRACE_PERIOD=-5",
			"LT_GRACE_PERIOD in the environment: -5 is out of range (0 or more)"},
		{"", "LT_REQUEST_TIMEOUT=0",
			"LT_REQUEST_TIMEOUT in the environment: 0 is out of range (1ms to 1d)"},
		{"--retry-after 0", "", "--retry-after: 0 is out of range (1s to 1d)"},
		{"--config bad.yaml", "", "bad.yaml:2: max-head: 2m is out of range (1k to 1m)"},
		{"--config none.yaml", "",
			"none.yaml: cannot be read: ENOENT: no such file or directory, open "
			"'none.yaml'"},
		{"--prot 80", "", "unknown option --prot; did you mean --port?"},
		{"chek-config", "", "unknown command \"chek-config\"; did you mean check-config?"},
		{"users list", "", "unknown command \"users\"; did you mean user?"},
		{"usr add alice --no-password", "", "unknown command \"usr\"; did you mean user?"},
		{"start now", "", "unknown command \"start\" (aditd --help lists them all)"},
		{"check-config now", "", "unexpected argument \"now\""},
		{"--json", "", "--json goes with check-config only"},
		{"--port-range-start 5", "",
			"--port-range-start: --port-range-start and --port-range-end go together"},
		{"--port-range-start 9 --port-range-end 8", "",
			"--port-range-start: 9 is above the end of the port range, 8"},
		{"--port 8080 --admin-port 8080", "",
			"--admin-port: 8080 is the public port as well"},
		{"--port 8080 --address 127.0.0.1 --metrics-port 8080", "",
			"--metrics-port: 8080 is the public port as well"},
		{"--tls-cert c --tls-key k --admin-port 443", "",
			"--admin-port: 443 is the TLS port as well"},
		{"--admin-port 81 --metrics-port 81 --metrics-address 0.0.0.0", "",
			"--metrics-port: 81 is the admin port as well"},
		{"--max-head 8k --max-target 9k", "", "--max-target: 9k is above --max-head, 8k"},
	};
	struct relay_start *s = *state;

	relay_start_write_file("bad.yaml", "# c\nmax-head: 2m\n");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_true(relay_start(s, rows[i].words, rows[i].variables) < 0);
		assert_string_equal(s->message, rows[i].message);
	}
	relay_start_write_file(".env", "\nLT_PORT='x'\n");
	assert_true(relay_start(s, "", "") < 0);
	assert_string_equal(s->message, ".env:2: LT_PORT: \"x\" is not a number (0 to 65535)");
}

static void a_long_grace_period_is_cut_with_a_warning(void **state)
{
	struct relay_start *s = *state;

	assert_int_equal(relay_start(s, "", "LT_GRACE_PERIOD=600000"), 0);
	assert_int_equal(s->conf->grace_ms, 300000);
	assert_string_equal(s->warnings,
		"LT_GRACE_PERIOD in the environment: 10m is above the "
		"maximum and was cut to 5m (--max-grace-period)\n");
	assert_int_equal(relay_start(s, "", "LT_MAX_GRACE_PERIOD=10000"), 0);
	assert_int_equal(s->conf->grace_ms, 10000);
	assert_string_equal(s->warnings, "");
	assert_int_equal(relay_start(s, "", "LT_GRACE_PERIOD=0"), 0);
	assert_int_equal(s->conf->grace_ms, 0);
}

static void switches_of_the_seed_know_the_word_true_only(void **state)
{
	struct relay_start *s = *state;

	assert_int_equal(relay_start(s, "", "LT_SECURE=true LT_TRUST_PROXY=1"), 0);
	assert_true(s->conf->secure && !s->conf->trust_proxy);
	assert_string_equal(s->warnings,
		"LT_TRUST_PROXY in the environment: \"1\" counts as "
		"false; only the word true turns it on\n");
	assert_int_equal(relay_start(s, "--secure", ""), 0);
	assert_true(s->conf->secure);
	assert_int_equal(relay_start(s, "--secure true", ""), 0);
	assert_true(s->conf->secure);
	assert_int_equal(relay_start(s, "--secure false", "LT_SECURE=true"), 0);
	assert_false(s->conf->secure);
}

static void debug_selects_the_level_unless_that_is_given_as_strongly(void **state)
{
	static const struct {
		const char *words, *variables;
		enum log_level expected;
	} rows[] = {
		{"", "DEBUG=localtunnel*", LOG_DEBUG},
		{"", "DEBUG=koa,localtunnel:server", LOG_DEBUG},
		{"", "DEBUG=*", LOG_DEBUG},
		{"", "DEBUG=koa*", LOG_INFO},
		{"", "DEBUG=-localtunnel", LOG_INFO},
		{"--log-level warn", "DEBUG=localtunnel*", LOG_WARN},
		{"", "DEBUG=localtunnel* LT_LOG_LEVEL=error", LOG_ERROR},
		{"--config a.yaml", "DEBUG=localtunnel*", LOG_DEBUG},
	};
	struct relay_start *s = *state;

	relay_start_write_file("a.yaml", "log-level: warn\n");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(relay_start(s, rows[i].words, rows[i].variables), 0);
		assert_int_equal(s->conf->log_level, rows[i].expected);
	}
}

static void commands_are_told_apart(void **state)
{
	struct relay_start *s = *state;

	assert_int_equal(relay_start(s, "run", ""), 0);
	assert_int_equal(s->command, RELAY_RUN);
	assert_int_equal(relay_start(s, "check-config --json", ""), 0);
	assert_int_equal(s->command, RELAY_CHECK_CONFIG);
	assert_true(s->conf->json);
	assert_int_equal(relay_start(s, "--help", "LT_PORT=x"), 0);
	assert_int_equal(s->command, RELAY_HELP);
	assert_null(s->conf);
	assert_int_equal(relay_start(s, "--version", "LT_PORT=x"), 0);
	assert_int_equal(s->command, RELAY_VERSION);
}

static void options_without_effect_are_accepted(void **state)
{
	struct relay_start *s = *state;

	assert_int_equal(relay_start(s, "",
				 "LT_SOCKET_CHECK_INTERVAL=50 "
				 "LT_NONCE_CLEANUP_INTERVAL=1000"),
		0);
	assert_string_equal(s->warnings, "");
	assert_int_equal(relay_start(s, "--max-head 4k", ""), 0);
	assert_int_equal(s->conf->max_target, 4096);
}

static void a_reload_names_what_needs_a_restart(void **state)
{
	struct relay_start next = {0}, *s = *state;
	struct buf refused;
	char text[256];

	buf_init(&refused);
	assert_int_equal(relay_start(s, "--port 81 --domain a.example", ""), 0);
	assert_int_equal(relay_start(&next, "--port 81 --domain b.example --max-sockets 5", ""), 0);
	assert_true(relay_conf_can_reload(s->conf, next.conf, &refused));
	assert_int_equal(buf_len(&refused), 0);
	assert_int_equal(relay_start(&next, "--port 82 --address ::1 --workers 2", ""), 0);
	assert_false(relay_conf_can_reload(s->conf, next.conf, &refused));
	slice_to_str(buf_slice(&refused), text, sizeof(text));
	assert_string_equal(text,
		"--port changes with a restart only\n"
		"--address changes with a restart only\n--workers changes with a restart only\n");
	relay_conf_free(&next.conf);
	buf_release(&refused);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		START_TEST(the_defaults_are_those_of_the_contract),
		START_TEST(each_place_covers_the_weaker_ones),
		START_TEST(a_number_that_cannot_be_is_refused_with_its_place),
		START_TEST(a_long_grace_period_is_cut_with_a_warning),
		START_TEST(switches_of_the_seed_know_the_word_true_only),
		START_TEST(debug_selects_the_level_unless_that_is_given_as_strongly),
		START_TEST(commands_are_told_apart),
		START_TEST(options_without_effect_are_accepted),
		START_TEST(a_reload_names_what_needs_a_restart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
