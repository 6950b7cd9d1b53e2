/* Signed requests. The signatures in the rows were made by the openssl command, not by our code. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>

#include "base/attr.h"
#include "base/err.h"
#include "crypto/digest.h"
#include "relay/hmac_auth.h"
#include "relay/nonce_cache.h"
#include "support/request_text.h"

#define SECRET SLICE("0123456789abcdef0123456789abcdef")
#define T 1700000000u
#define NOW (T * UINT64_C(1000))
/* printf '%s' 'GET/my-app17000000001700000000000' | openssl dgst -sha256 -hmac "$SECRET" */
#define SIGNED_APP "9a1d8ed037f831789f652f119cef4e3144d04009224a19a1f21663f7e752e301"
#define SIGNED_APP_UPPER "9A1D8ED037F831789F652F119CEF4E3144D04009224A19A1F21663F7E752E301"
/* of GET/17000000001700000000001, GET/?new17000000001700000000002 and
 * POST/api/tunnels17000000001700000000003{"subdomain":"my-app"} */
#define SIGNED_PATH "147cfb711e50cb0c9974649e0eda55299f2d7625f7c5a446ae2b4a43b2e75056"
#define SIGNED_TARGET "10187a01b9768b4ab7cb4bcd64db477d85a4da10adcebdc5f714c71a125fb4f0"
#define SIGNED_POST "b7ea1e7f709fb0031f3aad3bbd39ca561ca0d05d74f1fc08a6f115a2d10913a0"

#define BAD_FORMAT "Invalid Authorization header format (expected: HMAC sha256=<hex>)"
#define BAD_TIMESTAMP "Invalid timestamp (must be numeric)"
#define BAD_NONCE "Invalid nonce (must be numeric Unix epoch in milliseconds)"
#define TOO_OLD "Nonce too old (threshold: 3600s)"
#define TOO_NEW "Nonce too new (tolerance: 60s)"
#define REPLAYED "Nonce already used (replay attack detected)"
#define BAD_SIGNATURE "Invalid HMAC signature"

struct fixture {
	struct nonce_cache *cache;
	struct hmac_auth *auth;
	struct buf reason;
};

static const struct hmac_auth_limits usual = {60, 3600, 7200};

static struct fixture open_fixture(const struct hmac_auth_limits *limits, size_t max_nonces)
{
	struct fixture f = {nonce_cache_new(max_nonces), NULL, {0}};

	f.auth = hmac_auth_new(SECRET, limits, f.cache);
	return f;
}

static void close_fixture(struct fixture *f)
{
	hmac_auth_free(&f->auth);
	assert_null(f->auth);
	hmac_auth_free(&f->auth);
	nonce_cache_free(&f->cache);
	buf_release(&f->reason);
}

/* reason NULL: the request must pass. */
static void check(
	struct fixture *f, const struct hmac_request *req, uint64_t now_ms, const char *reason)
{
	int err;

	buf_clear(&f->reason);
	err = hmac_auth_check(f->auth, req, now_ms, &f->reason);
	buf_append_char(&f->reason, '\0');
	assert_string_equal(buf_slice(&f->reason).ptr, reason ? reason : "");
	assert_int_equal(err, reason ? ERR_DENIED : 0);
}

static struct hmac_request get(const char *authorization, const char *timestamp, const char *nonce)
{
	return (struct hmac_request) {.method = SLICE("GET"),
		.path = SLICE("/my-app"),
		.target = SLICE("/my-app"),
		.authorization = slice_from_str(authorization),
		.timestamp = slice_from_str(timestamp),
		.nonce = slice_from_str(nonce)};
}

/* A request signed here, for what depends on numbers that vary. */
struct signed_request {
	char field[96];
	char timestamp[32];
	char nonce[32];
	struct hmac_request req;
};

static const struct hmac_request *sign(
	struct signed_request *s, const char *timestamp, const char *nonce)
{
	uint8_t mac[DIGEST_SHA256_LEN];

	snprintf(s->timestamp, sizeof(s->timestamp), "%s", timestamp);
	snprintf(s->nonce, sizeof(s->nonce), "%s", nonce);
	s->req = get(NULL, s->timestamp, s->nonce);
	digest_hmac_sha256(SECRET,
		(const struct slice[]) {s->req.method, s->req.path, s->req.timestamp, s->req.nonce},
		4, mac);
	snprintf(s->field, sizeof(s->field), "HMAC sha256=");
	digest_hex(mac, sizeof(mac), s->field + 12);
	s->req.authorization = slice_from_str(s->field);
	return &s->req;
}

static const struct hmac_request *sign_numbers(
	struct signed_request *s, uint64_t timestamp, uint64_t nonce)
{
	char at[32], number[32];

	snprintf(at, sizeof(at), "%llu", (unsigned long long)timestamp);
	snprintf(number, sizeof(number), "%llu", (unsigned long long)nonce);
	return sign(s, at, number);
}

static void requests_signed_by_another_program_pass(void **state)
{
	struct fixture f = open_fixture(&usual, 10);
	struct hmac_request req = get("HMAC sha256=" SIGNED_APP, "1700000000", "1700000000000");

	check(&f, &req, NOW, NULL);
	req = get("HMAC sha256=" SIGNED_POST, "1700000000", "1700000000003");
	req.method = SLICE("POST");
	req.path = req.target = SLICE("/api/tunnels");
	req.body = SLICE("{\"subdomain\":\"my-app\"}");
	check(&f, &req, NOW, NULL);
	close_fixture(&f);
}

static void the_path_may_be_signed_with_or_without_its_query(void **state)
{
	struct fixture f = open_fixture(&usual, 10);
	struct hmac_request req = get("HMAC sha256=" SIGNED_PATH, "1700000000", "1700000000001");

	req.path = SLICE("/");
	req.target = SLICE("/?new");
	check(&f, &req, NOW, NULL);
	req.authorization = SLICE("HMAC sha256=" SIGNED_TARGET);
	req.nonce = SLICE("1700000000002");
	check(&f, &req, NOW, NULL);
	req.nonce = SLICE("1700000000004");
	req.target = SLICE("/?old");
	check(&f, &req, NOW, BAD_SIGNATURE);
	close_fixture(&f);
}

static void the_scheme_is_read_leniently(void **state)
{
	static const char *const fields[] = {
		"HMAC sha256=" SIGNED_APP,
		"hmac sha256=" SIGNED_APP,
		"Hmac SHA256=" SIGNED_APP,
		"HMAC   sha256=" SIGNED_APP,
		"HMAC \t sha256=" SIGNED_APP,
		"HMAC sha256=" SIGNED_APP_UPPER,
	};

	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		struct fixture f = open_fixture(&usual, 10);
		struct hmac_request req = get(fields[i], "1700000000", "1700000000000");

		check(&f, &req, NOW, NULL);
		close_fixture(&f);
	}
}

struct row {
	const char *authorization;
	const char *timestamp;
	const char *nonce;
	const char *reason;
};

#define GOOD "HMAC sha256=" SIGNED_APP
#define WRONG "HMAC sha256=00"

static const struct row rows[] = {
#define MISTAKE(authorization, timestamp, nonce, reason) {authorization, timestamp, nonce, reason},
#include "hmac_auth_mistakes.def"
#undef MISTAKE
};

static void each_mistake_has_its_message_and_the_first_one_is_named(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fixture f = open_fixture(&usual, 10);
		struct hmac_request req =
			get(rows[i].authorization, rows[i].timestamp, rows[i].nonce);

		check(&f, &req, NOW, rows[i].reason);
		assert_int_equal(nonce_cache_count(f.cache), 0);
		close_fixture(&f);
	}
}

static void any_changed_byte_of_the_message_breaks_the_signature(void **state)
{
	struct fixture f = open_fixture(&usual, 10);
	struct hmac_request req = get(GOOD, "1700000000", "1700000000000");

	req.method = SLICE("HEAD");
	check(&f, &req, NOW, BAD_SIGNATURE);
	req.method = SLICE("GET");
	req.path = req.target = SLICE("/my-apq");
	check(&f, &req, NOW, BAD_SIGNATURE);
	req.path = req.target = SLICE("/my-app");
	req.body = SLICE("x");
	check(&f, &req, NOW, BAD_SIGNATURE);
	req.body = (struct slice) {NULL, 0};
	for (size_t i = 12; i < strlen(GOOD); i++) {
		char field[] = GOOD;

		field[i] = field[i] == '0' ? '1' : '0';
		req.authorization = slice_from_str(field);
		check(&f, &req, NOW, BAD_SIGNATURE);
	}
	req.authorization = SLICE(GOOD);
	check(&f, &req, NOW, NULL);
	close_fixture(&f);
}

static void another_secret_refuses(void **state)
{
	struct fixture f = open_fixture(&usual, 10);
	struct hmac_request req = get(GOOD, "1700000000", "1700000000000");

	hmac_auth_free(&f.auth);
	f.auth = hmac_auth_new(SLICE("0123456789abcdef0123456789abcdeF"), &usual, f.cache);
	check(&f, &req, NOW, BAD_SIGNATURE);
	close_fixture(&f);
}

static void the_clock_may_differ_by_exactly_the_tolerance(void **state)
{
	struct signed_request s;

	for (int d = -61; d <= 61; d++) {
		struct fixture f = open_fixture(&usual, 10);
		bool inside = d >= -60 && d <= 60;
		uint64_t t = (uint64_t)((int64_t)T + d);

		/* the last millisecond of our second, too */
		check(&f, sign_numbers(&s, t, NOW), NOW + 999,
			inside ? NULL : "Timestamp expired (diff: 61s, tolerance: 60s)");
		close_fixture(&f);
	}
}

static void the_nonce_may_differ_by_exactly_its_bounds(void **state)
{
	struct fixture f = open_fixture(&usual, 10);
	struct signed_request s;

	check(&f, sign_numbers(&s, T, NOW - 3600000), NOW, NULL);
	check(&f, sign_numbers(&s, T, NOW - 3600001), NOW, TOO_OLD);
	check(&f, sign_numbers(&s, T, NOW + 60000), NOW, NULL);
	check(&f, sign_numbers(&s, T, NOW + 60001), NOW, TOO_NEW);
	/* measured from the timestamp, not from our clock */
	check(&f, sign_numbers(&s, T + 60, NOW + 120000), NOW, NULL);
	close_fixture(&f);
}

static void a_nonce_passes_once_in_whatever_spelling(void **state)
{
	struct fixture f = open_fixture(&usual, 10);
	struct signed_request s;

	check(&f, sign(&s, "1700000000", "1700000000000"), NOW, NULL);
	check(&f, sign(&s, "1700000000", "1700000000000"), NOW, REPLAYED);
	check(&f, sign(&s, "1700000001", "1700000000000"), NOW, REPLAYED);
	check(&f, sign(&s, "1700000000", "0001700000000000"), NOW, REPLAYED);
	check(&f, sign(&s, "1700000000", "0001700000000007"), NOW, NULL);
	check(&f, sign(&s, "1700000000", "1700000000007"), NOW, REPLAYED);
	/* named before the signature is looked at */
	s.req.authorization = SLICE(WRONG);
	check(&f, &s.req, NOW, REPLAYED);
	close_fixture(&f);
}

static void a_nonce_with_a_bad_signature_is_not_used_up(void **state)
{
	struct fixture f = open_fixture(&usual, 10);
	struct signed_request s;

	sign(&s, "1700000000", "1700000000000");
	s.req.authorization = SLICE(WRONG);
	check(&f, &s.req, NOW, BAD_SIGNATURE);
	check(&f, sign(&s, "1700000000", "1700000000000"), NOW, NULL);
	close_fixture(&f);
}

static void a_nonce_is_remembered_for_its_ttl(void **state)
{
	struct fixture f = open_fixture(&(struct hmac_auth_limits) {60, 3600, 1000}, 10);
	struct signed_request s;

	check(&f, sign_numbers(&s, T, NOW), NOW, NULL);
	check(&f, sign_numbers(&s, T + 999, NOW), NOW + 999999, REPLAYED);
	check(&f, sign_numbers(&s, T + 1000, NOW), NOW + 1000000, NULL);
	close_fixture(&f);
}

static void a_short_ttl_does_not_let_the_same_request_pass_twice(void **state)
{
	struct fixture f = open_fixture(&(struct hmac_auth_limits) {60, 3600, 1}, 10);
	struct signed_request s;

	/* a client whose clock is ahead: its request passes the clock for two minutes */
	sign_numbers(&s, T + 60, NOW);
	check(&f, &s.req, NOW, NULL);
	for (unsigned later = 1; later <= 120; later++)
		check(&f, &s.req, NOW + later * 1000, REPLAYED);
	check(&f, &s.req, NOW + 120999, REPLAYED);
	check(&f, &s.req, NOW + 121000, "Timestamp expired (diff: 61s, tolerance: 60s)");
	close_fixture(&f);
}

static void digits_cannot_be_moved_from_the_name_into_the_timestamp(void **state)
{
	struct fixture f = open_fixture(&usual, 10);
	struct signed_request s;

	/* "/my-app" "01700000000" has the very text, and so the signature, of "/my-app0" */
	check(&f, sign(&s, "01700000000", "1700000000000"), NOW, BAD_TIMESTAMP);
	close_fixture(&f);
}

static void a_new_secret_shares_the_nonces_of_the_old_one(void **state)
{
	struct fixture f = open_fixture(&usual, 10);
	struct signed_request s;

	check(&f, sign(&s, "1700000000", "1700000000000"), NOW, NULL);
	hmac_auth_free(&f.auth);
	f.auth = hmac_auth_new(SECRET, &usual, f.cache);
	check(&f, &s.req, NOW, REPLAYED);
	close_fixture(&f);
}

static void a_full_cache_refuses_without_forgetting(void **state)
{
	struct fixture f = open_fixture(&usual, 1);
	struct signed_request first, second;
	struct buf reason = {0};

	check(&f, sign(&first, "1700000000", "1700000000000"), NOW, NULL);
	sign(&second, "1700000000", "1700000000001");
	assert_int_equal(hmac_auth_check(f.auth, &second.req, NOW, &reason), ERR_LIMIT);
	assert_true(
		slice_eq(buf_slice(&reason), SLICE("Too many signed requests, try again later")));
	check(&f, &first.req, NOW, REPLAYED);
	buf_release(&reason);
	close_fixture(&f);
}

static void limits_as_large_as_numbers_get_do_not_overflow(void **state)
{
	struct fixture f =
		open_fixture(&(struct hmac_auth_limits) {UINT64_MAX, UINT64_MAX, UINT64_MAX}, 10);
	struct signed_request s;

	check(&f, sign(&s, "18446744073709551615", "18446744073709551615"), NOW, NULL);
	check(&f, sign(&s, "0", "0"), NOW, NULL);
	check(&f, sign(&s, "0", "00"), NOW, REPLAYED);
	close_fixture(&f);
}

static void the_fields_are_taken_from_a_request_head(void **state)
{
	struct fixture f = open_fixture(&usual, 10);
	struct http_head head;
	struct hmac_request req;

	request_text_parse(&head,
		"GET /?new HTTP/1.1\r\nHost: a.test\r\nauthorization:  HMAC sha256=" SIGNED_PATH
		" \r\nX-TIMESTAMP: 1700000000\r\nx-nonce: 1700000000001\r\n\r\n");
	req = hmac_auth_request(&head, head.target, (struct slice) {NULL, 0});
	check(&f, &req, NOW, NULL);
	request_text_parse(&head, "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
	req = hmac_auth_request(&head, head.target, (struct slice) {NULL, 0});
	check(&f, &req, NOW, "Missing Authorization header");
	close_fixture(&f);
}

static void a_field_given_twice_is_refused(void **state)
{
	struct fixture f = open_fixture(&usual, 10);
	struct http_head head;
	struct hmac_request req;

	request_text_parse(&head,
		"GET / HTTP/1.1\r\nHost: a.test\r\nAuthorization: HMAC sha256=" SIGNED_PATH
		"\r\nX-Timestamp: 1700000000\r\nX-Nonce: 1700000000001\r\n"
		"X-Nonce: 1700000000002\r\n\r\n");
	req = hmac_auth_request(&head, head.target, (struct slice) {NULL, 0});
	check(&f, &req, NOW, BAD_NONCE);
	close_fixture(&f);
}

#define THREADS 4
#define REQUESTS 300

struct race {
	pthread_t thread;
	struct hmac_auth *auth;
	unsigned passed;
};

static void *race_for_all(void *arg)
{
	struct race *race = arg;
	struct signed_request s;
	struct buf reason = {0};

	for (uint64_t i = 0; i < REQUESTS; i++) {
		const struct hmac_request *req = sign_numbers(&s, T, NOW + i);

		race->passed += hmac_auth_check(race->auth, req, NOW, &reason) == 0;
		buf_clear(&reason);
	}
	buf_release(&reason);
	return NULL;
}

static void a_request_replayed_on_many_threads_at_once_passes_once(void **state)
{
	struct fixture f = open_fixture(&usual, NONCE_CACHE_MAX);
	struct race races[THREADS] = {0};
	unsigned passed = 0;

	for (unsigned i = 0; i < THREADS; i++) {
		races[i].auth = f.auth;
		assert_int_equal(
			pthread_create(&races[i].thread, NULL, race_for_all, &races[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(races[i].thread, NULL);
		passed += races[i].passed;
	}
	assert_int_equal(passed, REQUESTS);
	close_fixture(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_signed_by_another_program_pass),
		cmocka_unit_test(the_path_may_be_signed_with_or_without_its_query),
		cmocka_unit_test(the_scheme_is_read_leniently),
		cmocka_unit_test(each_mistake_has_its_message_and_the_first_one_is_named),
		cmocka_unit_test(any_changed_byte_of_the_message_breaks_the_signature),
		cmocka_unit_test(another_secret_refuses),
		cmocka_unit_test(the_clock_may_differ_by_exactly_the_tolerance),
		cmocka_unit_test(the_nonce_may_differ_by_exactly_its_bounds),
		cmocka_unit_test(a_nonce_passes_once_in_whatever_spelling),
		cmocka_unit_test(a_nonce_with_a_bad_signature_is_not_used_up),
		cmocka_unit_test(a_nonce_is_remembered_for_its_ttl),
		cmocka_unit_test(a_short_ttl_does_not_let_the_same_request_pass_twice),
		cmocka_unit_test(digits_cannot_be_moved_from_the_name_into_the_timestamp),
		cmocka_unit_test(a_new_secret_shares_the_nonces_of_the_old_one),
		cmocka_unit_test(a_full_cache_refuses_without_forgetting),
		cmocka_unit_test(limits_as_large_as_numbers_get_do_not_overflow),
		cmocka_unit_test(the_fields_are_taken_from_a_request_head),
		cmocka_unit_test(a_field_given_twice_is_refused),
		cmocka_unit_test(a_request_replayed_on_many_threads_at_once_passes_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
