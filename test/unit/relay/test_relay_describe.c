/* What check-config prints: values, origins, no secrets, valid JSON. */
#include "relay/relay_describe.h"

#include "relay_start.h"

#define SECRET "0123456789abcdef0123456789abcdef"
#define START_TEST(name)                                                                           \
	cmocka_unit_test_setup_teardown(name, relay_start_set_up, relay_start_tear_down)

static void describe(struct relay_start *s, bool json, char *text, size_t size)
{
	struct buf out;

	buf_init(&out);
	relay_conf_describe(s->conf, json, &out);
	slice_to_str(buf_slice(&out), text, size);
	buf_release(&out);
}

static void each_value_says_where_it_came_from(void **state)
{
	struct relay_start *s = *state;
	char text[16384];

	relay_start_write_file(".env", "LT_DOMAIN=Example.com\n");
	assert_int_equal(
		relay_start(s, "check-config --grace-period 45s", "LT_HMAC_SECRET=" SECRET), 0);
	describe(s, false, text, sizeof(text));
	assert_non_null(strstr(text, "port                       80  (default)\n"));
	assert_non_null(strstr(text, "grace-period               45s  (--grace-period)\n"));
	assert_non_null(
		strstr(text, "domain                     example.com  (.env:1: LT_DOMAIN)\n"));
	assert_non_null(strstr(text, "hmac-secret                ********  (LT_HMAC_SECRET in"));
	assert_non_null(strstr(text, "landing                    -  (default)\n"));
	assert_null(strstr(text, SECRET));
}

static void json_has_numbers_and_escapes(void **state)
{
	struct relay_start *s = *state;
	char text[16384];

	relay_start_write_file("a.yaml", "landing: '/a\"b'\n");
	assert_int_equal(relay_start(s, "check-config --json --config a.yaml --reserved-names a,b",
				 "LT_HMAC_SECRET=" SECRET),
		0);
	describe(s, true, text, sizeof(text));
	assert_non_null(
		strstr(text, "\"port\":{\"value\":80,\"layer\":\"default\",\"where\":null}"));
	assert_non_null(strstr(text, "\"grace-period\":{\"value\":30000,"));
	assert_non_null(
		strstr(text, "\"reserved-names\":{\"value\":[\"a\",\"b\"],\"layer\":\"flag\""));
	assert_non_null(strstr(text,
		"\"landing\":{\"value\":\"/a\\\"b\",\"layer\":\"file\",\"where\":"
		"\"a.yaml:1: landing\"}"));
	assert_non_null(strstr(text, "\"secure\":{\"value\":false,"));
	assert_non_null(strstr(text, "\"domain\":{\"value\":null,"));
	assert_null(strstr(text, SECRET));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		START_TEST(each_value_says_where_it_came_from),
		START_TEST(json_has_numbers_and_escapes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
