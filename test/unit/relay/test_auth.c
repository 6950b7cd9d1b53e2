/* Who a request is from, by key, signature or neither, and what a key may. */
#include "relay/auth.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "crypto/api_key.h"
#include "relay/hmac_auth.h"
#include "relay/nonce_cache.h"
#include "relay/plans.h"
#include "relay/worker.h"
#include "support/request_text.h"

#define HEAD "GET /demo HTTP/1.1\r\nHost: lt.test\r\n"
#define SECRET "0123456789abcdef0123456789abcdef"

static struct relay_conf conf;
static struct relay_shared shared;
static struct worker *worker;
static struct nonce_cache *nonces;
static struct hmac_auth *hmac;
static char key_text[API_KEY_TEXT_LEN + 1];
static struct http_head head;
static struct auth auth;
static struct auth_refusal refusal;

static void put_key(uint64_t revoked_ms)
{
	struct key k = {.account_id = 7, .revoked_ms = revoked_ms, .scope = {.http = true}};
	struct slice id;

	assert_true(api_key_parse(slice_from_str(key_text), &id));
	slice_to_str(id, k.id, sizeof(k.id));
	api_key_hash(slice_from_str(key_text), k.hash);
	book_put_key(shared.book, &k);
}

static int set_up(void **state)
{
	static const struct hmac_auth_limits limits = {60, 3600, 7200};
	const struct account alice = {.id = 7, .name = "alice"};
	const struct name_record name = {.name = "demo", .account_id = 7};

	conf = (struct relay_conf) {.auth = RELAY_AUTH_OPTIONAL};
	shared = (struct relay_shared) {.book = book_new()};
	worker = worker_new(0, &shared, &conf);
	nonces = nonce_cache_new(16);
	hmac = hmac_auth_new(SLICE(SECRET), &limits, nonces);
	book_put_account(shared.book, &alice);
	book_put_name(shared.book, &name);
	api_key_make(key_text);
	put_key(0);
	return 0;
}

static int tear_down(void **state)
{
	worker_free(&worker);
	hmac_auth_free(&hmac);
	nonce_cache_free(&nonces);
	book_free(&shared.book);
	return 0;
}

/* The code of the refusal, or "" when the request may go on. */
static const char *check(const char *fields, bool is_signed)
{
	struct auth_request request = {
		.head = &head, .target = SLICE("/demo"), .is_signed = is_signed};
	static char text[2048];
	bool may;

	snprintf(text, sizeof(text), HEAD "%s\r\n", fields);
	request_text_parse(&head, text);
	may = auth_check(worker, &request, &auth, &refusal);
	buf_release(&refusal.sentence);
	return may ? "" : api_error_get(refusal.error)->code;
}

static const char *check_key(const char *format)
{
	char fields[512];

	(void)snprintf(fields, sizeof(fields), format, key_text, key_text);
	return check(fields, false);
}

static void a_key_may_be_sent_in_two_ways(void **state)
{
	static const char *const good[] = {
		"Authorization: Bearer %s\r\n",
		"Authorization: bEARER \t %s \r\n",
		"X-Adit-Key: %s\r\n",
		"Authorization: HMAC sha256=00\r\nX-Adit-Key: %s\r\n",
		"Authorization: Basic YTpi\r\nX-Adit-Key: %s\r\n",
	};
	static const char *const bad[] = {
		"Authorization: Bearer %s x\r\n",
		"Authorization: Bearer %s\r\nAuthorization: Bearer %s\r\n",
		"X-Adit-Key: %s\r\nX-Adit-Key: %s\r\n",
		"X-Adit-Key: x%s\r\n",
		"Authorization: Bearer\r\nX-Adit-Key: %s\r\n",
	};

	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		assert_string_equal(check_key(good[i]), "");
		assert_true(auth.keyed);
		assert_string_equal(auth.account, "7");
		assert_string_equal(auth.grant.account, "alice");
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_string_equal(check_key(bad[i]), "key-unknown");
	assert_string_equal(check_key("Authorization: Bearer%s\r\n"), "");
	assert_false(auth.keyed);
}

static void each_mode_asks_for_its_own(void **state)
{
	assert_string_equal(check("", false), "");
	assert_false(auth.keyed);
	conf.auth = RELAY_AUTH_REQUIRED;
	assert_string_equal(check("", false), "key-needed");
	assert_string_equal(check("", true), "key-needed");
	assert_string_equal(check_key("X-Adit-Key: %s\r\n"), "");
	conf.auth = RELAY_AUTH_OFF;
	put_key(5);
	assert_string_equal(check_key("X-Adit-Key: %s\r\n"), "");
	assert_false(auth.keyed);
	conf.auth = RELAY_AUTH_OPTIONAL;
	assert_string_equal(check_key("X-Adit-Key: %s\r\n"), "key-revoked");
}

static void a_signature_and_a_key_stand_in_for_each_other(void **state)
{
	atomic_store(&shared.hmac, hmac);
	assert_string_equal(check("", false), "not-authenticated");
	assert_string_equal(refusal.www_authenticate, "HMAC, Bearer realm=\"adit\"");
	assert_string_equal(check_key("X-Adit-Key: %s\r\n"), "");
	assert_string_equal(check("", true), "");
	conf.auth = RELAY_AUTH_REQUIRED;
	assert_string_equal(check("", true), "key-needed");
	assert_string_equal(refusal.www_authenticate, "Bearer realm=\"adit\"");
	conf.auth = RELAY_AUTH_OFF;
	assert_string_equal(check("", false), "not-authenticated");
	assert_string_equal(refusal.www_authenticate, "HMAC");
}

static void an_account_is_an_identity_of_its_own(void **state)
{
	const struct identity token = {IDENTITY_TOKEN, SLICE("7")};
	struct identity who;

	assert_string_equal(check_key("X-Adit-Key: %s\r\n"), "");
	who = auth_identity(&auth, token);
	assert_int_equal(who.kind, IDENTITY_ACCOUNT);
	assert_false(identity_eq(who, token));
	assert_int_equal(auth_name_of(worker, SLICE("demo"), who), AUTH_NAME_OURS);
	assert_int_equal(auth_name_of(worker, SLICE("demo"), token), AUTH_NAME_THEIRS);
	assert_int_equal(auth_name_of(worker, SLICE("other"), token), AUTH_NAME_OPEN);
	assert_string_equal(check("", false), "");
	assert_int_equal(auth_identity(&auth, token).kind, IDENTITY_TOKEN);
	conf.auth = RELAY_AUTH_OFF;
	assert_int_equal(auth_name_of(worker, SLICE("demo"), token), AUTH_NAME_OPEN);
}

static void a_key_that_held_may_not_hold_any_more(void **state)
{
	assert_string_equal(check_key("X-Adit-Key: %s\r\n"), "");
	assert_int_equal(auth_check_again(worker, &auth.grant), AUTH_KEY_GOOD);
	put_key(5);
	assert_int_equal(auth_check_again(worker, &auth.grant), AUTH_KEY_REVOKED);
	assert_int_equal(auth_key_error(AUTH_KEY_REVOKED), API_ERROR_KEY_REVOKED);
}

static void a_scope_says_what_a_key_may(void **state)
{
	struct book_grant any = {.scope = {.http = true, .tcp = true}};
	struct book_grant some = {.scope = {.names = "demo-* x", .port_first = 5, .port_last = 6}};

	assert_true(auth_may_name(NULL, SLICE("a")) && auth_may_http(NULL) && auth_may_tcp(NULL));
	assert_true(auth_may_port(NULL, 1) && auth_may_port(&any, 1));
	assert_true(auth_may_name(&any, SLICE("a")) && auth_may_http(&any) && auth_may_tcp(&any));
	assert_true(auth_may_name(&some, SLICE("demo-1")) && auth_may_name(&some, SLICE("x")));
	assert_false(auth_may_name(&some, SLICE("y")) || auth_may_http(&some));
	assert_false(auth_may_tcp(&some));
	assert_true(auth_may_port(&some, 5) && auth_may_port(&some, 6));
	assert_false(auth_may_port(&some, 4) || auth_may_port(&some, 7));
}

static void accounts_and_addresses_hold_for_themselves(void **state)
{
	const struct book_grant grant = {.account_id = 7};
	char one[AUTH_HOLDER_MAX], two[AUTH_HOLDER_MAX];

	assert_false(slice_eq(
		auth_holder(&grant, SLICE("::1"), one), auth_holder(NULL, SLICE("7"), two)));
	assert_true(slice_eq(
		auth_holder(&grant, SLICE("::1"), one), auth_holder(&grant, SLICE("::2"), two)));
	assert_false(slice_eq(
		auth_holder(NULL, SLICE("::1"), one), auth_holder(NULL, SLICE("0:0:0:1::1"), two)));
	/* One customer's network, however it is written. */
	assert_true(slice_eq(auth_holder(NULL, SLICE("2001:db8::1"), one),
		auth_holder(NULL, SLICE("2001:DB8:0:0:f::2"), two)));
	assert_false(slice_eq(auth_holder(NULL, SLICE("192.0.2.1"), one),
		auth_holder(NULL, SLICE("192.0.2.2"), two)));
	assert_true(auth_tunnels_max(worker, &grant) == PLAN_UNLIMITED);
	assert_true(auth_tunnels_max(worker, NULL) == PLAN_UNLIMITED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_key_may_be_sent_in_two_ways, set_up, tear_down),
		cmocka_unit_test_setup_teardown(each_mode_asks_for_its_own, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_signature_and_a_key_stand_in_for_each_other, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			an_account_is_an_identity_of_its_own, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_key_that_held_may_not_hold_any_more, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_scope_says_what_a_key_may, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			accounts_and_addresses_hold_for_themselves, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
