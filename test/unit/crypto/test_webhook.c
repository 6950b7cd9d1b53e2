/* Signatures of webhooks: the examples that GitHub and Slack publish, and everything close to them.
 */
#include "crypto/webhook.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#define STRIPE_SECRET "whsec_adit_test"
#define STRIPE_BODY "{\"id\":\"evt_1\",\"object\":\"event\"}"
#define STRIPE_MAC "814d6452fa049f2161b1fb6ccc93927ce7496e064c7a654d8cbfb580dec7d111"
#define STRIPE_TIME 1492774577u
#define GITHUB_SECRET "It's a Secret to Everybody"
#define GITHUB_BODY "Hello, World!"
#define GITHUB_MAC "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
#define SLACK_SECRET "8f742231b10e8888abcd99yyyzzz85a5"
#define SLACK_BODY                                                                                 \
	"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow"                 \
	"&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner"         \
	"&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com"             \
	"%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"                        \
	"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
#define SLACK_MAC "a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
#define SLACK_TIME 1531420618u
#define OTHER_MAC "0000000000000000000000000000000000000000000000000000000000000000"

struct webhook_case {
	enum webhook_scheme scheme;
	const char *signature;
	const char *timestamp;
	uint64_t now_s;
	enum webhook_verdict verdict;
};

static const struct webhook_case cases[] = {
	{WEBHOOK_GITHUB, "sha256=" GITHUB_MAC, NULL, 0, WEBHOOK_GOOD},
	{WEBHOOK_GITHUB, "sha256=" OTHER_MAC, NULL, 0, WEBHOOK_WRONG},
	{WEBHOOK_GITHUB, NULL, NULL, 0, WEBHOOK_UNSIGNED},
	{WEBHOOK_GITHUB, "", NULL, 0, WEBHOOK_UNSIGNED},
	{WEBHOOK_GITHUB, GITHUB_MAC, NULL, 0, WEBHOOK_MALFORMED},
	{WEBHOOK_GITHUB, "sha1=" GITHUB_MAC, NULL, 0, WEBHOOK_MALFORMED},
	{WEBHOOK_GITHUB, "sha256=" GITHUB_MAC "0", NULL, 0, WEBHOOK_MALFORMED},
	{WEBHOOK_GITHUB, "sha256=" GITHUB_MAC " ", NULL, 0, WEBHOOK_MALFORMED},
	{WEBHOOK_GITHUB, "sha256=", NULL, 0, WEBHOOK_MALFORMED},

	{WEBHOOK_SLACK, "v0=" SLACK_MAC, "1531420618", SLACK_TIME, WEBHOOK_GOOD},
	{WEBHOOK_SLACK, "v0=" SLACK_MAC, "1531420618", SLACK_TIME + 300, WEBHOOK_GOOD},
	{WEBHOOK_SLACK, "v0=" SLACK_MAC, "1531420618", SLACK_TIME + 301, WEBHOOK_STALE},
	{WEBHOOK_SLACK, "v0=" SLACK_MAC, "1531420618", SLACK_TIME - 300, WEBHOOK_GOOD},
	{WEBHOOK_SLACK, "v0=" SLACK_MAC, "1531420618", SLACK_TIME - 301, WEBHOOK_STALE},
	{WEBHOOK_SLACK, "v0=" SLACK_MAC, "1531420619", SLACK_TIME, WEBHOOK_WRONG},
	{WEBHOOK_SLACK, "v0=" SLACK_MAC, "01531420618", SLACK_TIME, WEBHOOK_WRONG},
	{WEBHOOK_SLACK, "v0=" SLACK_MAC, NULL, SLACK_TIME, WEBHOOK_UNSIGNED},
	{WEBHOOK_SLACK, NULL, "1531420618", SLACK_TIME, WEBHOOK_UNSIGNED},
	{WEBHOOK_SLACK, "v0=" SLACK_MAC, "1531420618x", SLACK_TIME, WEBHOOK_MALFORMED},
	{WEBHOOK_SLACK, "v0=" SLACK_MAC, "99999999999999999999", SLACK_TIME, WEBHOOK_MALFORMED},
	{WEBHOOK_SLACK, "v1=" SLACK_MAC, "1531420618", SLACK_TIME, WEBHOOK_MALFORMED},

	{WEBHOOK_STRIPE, "t=1492774577,v1=" STRIPE_MAC, NULL, STRIPE_TIME, WEBHOOK_GOOD},
	{WEBHOOK_STRIPE, "v1=" STRIPE_MAC ",t=1492774577", NULL, STRIPE_TIME, WEBHOOK_GOOD},
	{WEBHOOK_STRIPE, "t=1492774577, v1=" STRIPE_MAC, NULL, STRIPE_TIME, WEBHOOK_GOOD},
	{WEBHOOK_STRIPE, "t=1492774577,v1=" OTHER_MAC ",v1=" STRIPE_MAC ",v0=" OTHER_MAC, NULL,
		STRIPE_TIME, WEBHOOK_GOOD},
	{WEBHOOK_STRIPE, "t=1492774577,v1=" STRIPE_MAC ",v1=" OTHER_MAC, NULL, STRIPE_TIME,
		WEBHOOK_GOOD},
	{WEBHOOK_STRIPE, "t=1492774577,v0=" STRIPE_MAC, NULL, STRIPE_TIME, WEBHOOK_MALFORMED},
	{WEBHOOK_STRIPE, "t=1492774577,v1=" OTHER_MAC, NULL, STRIPE_TIME, WEBHOOK_WRONG},
	{WEBHOOK_STRIPE, "t=1492774578,v1=" STRIPE_MAC, NULL, STRIPE_TIME, WEBHOOK_WRONG},
	{WEBHOOK_STRIPE, "t=1492774577,v1=" STRIPE_MAC, NULL, STRIPE_TIME + 301, WEBHOOK_STALE},
	{WEBHOOK_STRIPE, "t=1492774577,t=1492774577,v1=" STRIPE_MAC, NULL, STRIPE_TIME,
		WEBHOOK_MALFORMED},
	{WEBHOOK_STRIPE, "t=1492774577", NULL, STRIPE_TIME, WEBHOOK_MALFORMED},
	{WEBHOOK_STRIPE, "v1=" STRIPE_MAC, NULL, STRIPE_TIME, WEBHOOK_MALFORMED},
	{WEBHOOK_STRIPE, "t=,v1=" STRIPE_MAC, NULL, STRIPE_TIME, WEBHOOK_MALFORMED},
	{WEBHOOK_STRIPE, "t=1492774577,v1=" STRIPE_MAC "00", NULL, STRIPE_TIME, WEBHOOK_MALFORMED},
	{WEBHOOK_STRIPE, "t=-1,v1=" STRIPE_MAC, NULL, STRIPE_TIME, WEBHOOK_MALFORMED},
	{WEBHOOK_STRIPE, NULL, NULL, STRIPE_TIME, WEBHOOK_UNSIGNED},
	{WEBHOOK_STRIPE, ",,,", NULL, STRIPE_TIME, WEBHOOK_MALFORMED},
};

static const struct slice secrets[] = {
	[WEBHOOK_STRIPE] = SLICE(STRIPE_SECRET),
	[WEBHOOK_GITHUB] = SLICE(GITHUB_SECRET),
	[WEBHOOK_SLACK] = SLICE(SLACK_SECRET),
};
static const struct slice bodies[] = {
	[WEBHOOK_STRIPE] = SLICE(STRIPE_BODY),
	[WEBHOOK_GITHUB] = SLICE(GITHUB_BODY),
	[WEBHOOK_SLACK] = SLICE(SLACK_BODY),
};

static enum webhook_verdict check(
	const struct webhook_case *c, struct slice secret, struct slice body)
{
	const struct webhook_message message = {
		.signature = slice_from_str(c->signature),
		.timestamp = slice_from_str(c->timestamp),
		.body = body,
		.now_s = c->now_s,
	};

	return webhook_check(c->scheme, secret, &message);
}

static void signatures_are_judged(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct webhook_case *c = &cases[i];

		assert_int_equal(check(c, secrets[c->scheme], bodies[c->scheme]), c->verdict);
	}
}

static void another_body_or_secret_is_wrong(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct webhook_case *c = &cases[i];
		struct slice body = bodies[c->scheme];

		if (c->verdict != WEBHOOK_GOOD)
			continue;
		assert_int_equal(check(c, SLICE("other"), body), WEBHOOK_WRONG);
		assert_int_equal(check(c, secrets[c->scheme], slice_first(body, body.len - 1)),
			WEBHOOK_WRONG);
		assert_int_equal(check(c, secrets[c->scheme], SLICE("")), WEBHOOK_WRONG);
	}
}

/* Every digit counts, and each bit of it. */
static void every_digit_of_a_signature_counts(void **state)
{
	char text[] = "sha256=" GITHUB_MAC;
	const struct webhook_case c = {WEBHOOK_GITHUB, text, NULL, 0, WEBHOOK_GOOD};

	for (size_t i = 7; text[i]; i++) {
		char good = text[i];

		text[i] = good == '0' ? '1' : '0';
		assert_int_equal(
			check(&c, SLICE(GITHUB_SECRET), SLICE(GITHUB_BODY)), WEBHOOK_WRONG);
		text[i] = good;
	}
	assert_int_equal(check(&c, SLICE(GITHUB_SECRET), SLICE(GITHUB_BODY)), WEBHOOK_GOOD);
}

static void more_signatures_than_a_sender_has_are_refused(void **state)
{
	char text[2048] = "t=1492774577";
	const struct webhook_case c = {WEBHOOK_STRIPE, text, NULL, STRIPE_TIME, WEBHOOK_GOOD};

	for (int i = 0; i < 15; i++)
		strcat(text, ",v1=" OTHER_MAC);
	strcat(text, ",v1=" STRIPE_MAC);
	assert_int_equal(check(&c, SLICE(STRIPE_SECRET), SLICE(STRIPE_BODY)), WEBHOOK_GOOD);
	strcat(text, ",v1=" OTHER_MAC);
	assert_int_equal(check(&c, SLICE(STRIPE_SECRET), SLICE(STRIPE_BODY)), WEBHOOK_MALFORMED);
}

static void schemes_have_names(void **state)
{
	enum webhook_scheme scheme;

	for (unsigned i = 0; i < WEBHOOK_SCHEME_COUNT; i++) {
		const char *name = webhook_scheme_name((enum webhook_scheme)i);

		assert_true(webhook_scheme_of(slice_from_str(name), &scheme));
		assert_int_equal(scheme, i);
		assert_non_null(webhook_signature_field(scheme));
	}
	assert_false(webhook_scheme_of(SLICE("Stripe"), &scheme));
	assert_false(webhook_scheme_of(SLICE(""), &scheme));
	assert_null(webhook_timestamp_field(WEBHOOK_GITHUB));
}

static void verdicts_are_sentences(void **state)
{
	for (int i = WEBHOOK_GOOD; i <= WEBHOOK_WRONG; i++) {
		const char *text = webhook_verdict_text((enum webhook_verdict)i);

		assert_true(slice_ends(slice_from_str(text), SLICE(".")));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signatures_are_judged),
		cmocka_unit_test(another_body_or_secret_is_wrong),
		cmocka_unit_test(every_digit_of_a_signature_counts),
		cmocka_unit_test(more_signatures_than_a_sender_has_are_refused),
		cmocka_unit_test(schemes_have_names),
		cmocka_unit_test(verdicts_are_sentences),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
