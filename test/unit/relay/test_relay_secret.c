/* The HMAC secret: where it comes from, and the fatal lines that operators know. */
#include "relay/relay_secret.h"

#include "relay_start.h"

#define SECRET "0123456789abcdef0123456789abcdef"
#define OTHER "fedcba9876543210fedcba9876543210"
#define FATAL "FATAL: Failed to initialize HMAC authenticator: "
#define START_TEST(name)                                                                           \
	cmocka_unit_test_setup_teardown(name, relay_start_set_up, relay_start_tear_down)

static void the_secret_comes_from_the_variable_or_a_file(void **state)
{
	static const struct {
		const char *words, *variables, *expected;
	} rows[] = {
		{"", "LT_HMAC_SECRET=" SECRET, SECRET},
		{"", "FILE_LT_HMAC_SECRET=key", OTHER},
		{"", "LT_HMAC_SECRET_FILE=key", OTHER},
		{"--hmac-secret-file key", "", OTHER},
		{"--config a.yaml", "", OTHER},
		{"", "LT_HMAC_SECRET=" SECRET " FILE_LT_HMAC_SECRET=key", SECRET},
		{"", "LT_HMAC_SECRET=" SECRET " FILE_LT_HMAC_SECRET=none", SECRET},
		{"--hmac-secret-file key", "LT_HMAC_SECRET=" SECRET, OTHER},
		{"", "LT_HMAC_SECRET= FILE_LT_HMAC_SECRET=key", OTHER},
	};
	struct relay_start *s = *state;

	relay_start_write_file("key", "\n  " OTHER " \r\nsecond line\n");
	relay_start_write_file("a.yaml", "hmac-secret-file: key\n");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(relay_start(s, rows[i].words, rows[i].variables), 0);
		assert_string_equal(s->conf->hmac_secret, rows[i].expected);
	}
}

static void a_bad_secret_is_fatal_with_the_seeds_line(void **state)
{
	static const struct {
		const char *variables, *message;
	} rows[] = {
		{"LT_HMAC_SECRET=short", FATAL "HMAC secret must be at least 32 characters long"},
		{"LT_HMAC_SECRET=0123456789abcdef0123456789abcde",
			FATAL "HMAC secret must be at least 32 characters long"},
		{"FILE_LT_HMAC_SECRET=none",
			FATAL "Failed to read HMAC secret from file none: ENOENT: no such file or "
			      "directory, open 'none'"},
		{"FILE_LT_HMAC_SECRET=short",
			FATAL "Failed to read HMAC secret from file short: HMAC secret must be at "
			      "least 32 characters long"},
		{"FILE_LT_HMAC_SECRET=empty",
			FATAL "Failed to read HMAC secret from file empty: HMAC secret must be at "
			      "least 32 characters long"},
	};
	struct relay_start *s = *state;

	relay_start_write_file("short", "short\n" SECRET "\n");
	relay_start_write_file("empty", "");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_true(relay_start(s, "", rows[i].variables) < 0);
		assert_string_equal(s->message, rows[i].message);
	}
}

static void a_secret_in_dotenv_is_trimmed(void **state)
{
	struct relay_start *s = *state;

	relay_start_write_file(".env", "LT_HMAC_SECRET=\" " SECRET "\\n\"\n");
	assert_int_equal(relay_start(s, "", ""), 0);
	assert_string_equal(s->conf->hmac_secret, SECRET);
	relay_start_write_file(".env", "LT_HMAC_SECRET=\"                                    \"\n");
	assert_true(relay_start(s, "", "") < 0);
}

static void length_is_counted_in_characters(void **state)
{
	struct relay_start *s = *state;

	/* 16 characters of two bytes each */
	assert_true(
		relay_start(s, "",
			"LT_HMAC_SECRET="
			"\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
			"\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4") < 0);
}

static void no_message_ever_has_the_secret(void **state)
{
	struct relay_start *s = *state;

	assert_true(relay_start(s, "--hmac-secret " SECRET, "") < 0);
	assert_null(strstr(s->message, SECRET));
	assert_true(relay_start(s, "--hmac-secret=" SECRET, "") < 0);
	assert_null(strstr(s->message, SECRET));
	relay_start_write_file("a.yaml", "hmac-secret: " SECRET "\n");
	assert_true(relay_start(s, "--config a.yaml", "") < 0);
	assert_null(strstr(s->message, SECRET));
}

static void a_cache_that_forgets_too_early_is_warned_about(void **state)
{
	struct relay_start *s = *state;

	assert_int_equal(
		relay_start(s, "", "LT_HMAC_NONCE_CACHE_TTL=60 LT_HMAC_SECRET=" SECRET), 0);
	assert_non_null(strstr(s->warnings, "LT_HMAC_NONCE_CACHE_TTL in the environment: below"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		START_TEST(the_secret_comes_from_the_variable_or_a_file),
		START_TEST(a_bad_secret_is_fatal_with_the_seeds_line),
		START_TEST(a_secret_in_dotenv_is_trimmed),
		START_TEST(length_is_counted_in_characters),
		START_TEST(no_message_ever_has_the_secret),
		START_TEST(a_cache_that_forgets_too_early_is_warned_about),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
