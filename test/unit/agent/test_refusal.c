/* What an agent makes of the answers to its request for a link (docs/protocol.md, 1). */
#include "agent/refusal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/err.h"
#include "wire/uplink.h"

static void an_answer_is_judged_by_status_and_code(void **state)
{
	static const struct {
		unsigned status;
		const char *code, *told;
		enum refusal_kind kind;
	} rows[] = {
		{401, "not-authenticated", "not-authenticated", REFUSAL_DENIED},
		{401, "key-unknown", "key-unknown", REFUSAL_FATAL},
		{410, "session-gone", "session-gone", REFUSAL_SESSION_GONE},
		{426, "version-not-supported", "version-not-supported", REFUSAL_FATAL},
		{421, "agents-elsewhere", "agents-elsewhere", REFUSAL_ELSEWHERE},
		{503, "overloaded", "overloaded", REFUSAL_RETRY},
		{503, "draining", "draining", REFUSAL_RETRY},
		/* Upgrade did not arrive. */
		{426, "upgrade-required", "upgrade-required", REFUSAL_FOREIGN},
		{404, "not-found", "not-found", REFUSAL_FOREIGN},
		{404, "host-unknown", "host-unknown", REFUSAL_FOREIGN},
		{400, "bad-request", "bad-request", REFUSAL_FOREIGN},
		/* Nor did the request. */
		{401, "", "relay-protocol", REFUSAL_FOREIGN},
		{200, "", "relay-protocol", REFUSAL_FOREIGN},
		{502, "", "relay-protocol", REFUSAL_FOREIGN},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct uplink_result result = {.hop = UPLINK_HTTP,
			.status = rows[i].status,
			.code = slice_from_str(rows[i].code),
			.retry_after_s = 7};
		struct refusal r = refusal_of(&result);

		assert_int_equal(r.kind, rows[i].kind);
		assert_true(slice_eq(r.code, slice_from_str(rows[i].told)));
		assert_int_equal(r.retry_after_s, 7);
		assert_false(r.nobody);
	}
}

static void the_hop_that_failed_is_named(void **state)
{
	static const struct {
		enum uplink_hop hop;
		int err;
		const char *code;
		bool nobody; /* whom it costs something */
	} rows[] = {
		{UPLINK_DNS, ERR_NOT_FOUND, "relay-dns", false},
		{UPLINK_TCP, ERR_REFUSED, "relay-refused", true},
		{UPLINK_TCP, ERR_TIMEOUT, "relay-unreachable", true},
		{UPLINK_PROXY, ERR_DENIED, "relay-proxy", false},
		{UPLINK_TLS, ERR_DENIED, "relay-tls", false},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct uplink_result result = {.hop = rows[i].hop, .err = rows[i].err};
		struct refusal r = refusal_of(&result);

		assert_int_equal(r.kind, REFUSAL_RETRY);
		assert_int_equal(r.nobody, rows[i].nobody);
		assert_true(slice_eq(r.code, slice_from_str(rows[i].code)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_is_judged_by_status_and_code),
		cmocka_unit_test(the_hop_that_failed_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
