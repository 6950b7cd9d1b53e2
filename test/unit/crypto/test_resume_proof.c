/* Proofs against the openssl command, and what is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crypto/resume_proof.h"

#include "base/attr.h"

static const uint8_t secret[RESUME_PROOF_SECRET_LEN] = "0123456789abcdef0123456789abcde";
static const struct resume_proof agent = {
	.side = RESUME_PROOF_AGENT,
	.session = {"s-1", 3},
	.epoch = 7,
	.received = 123456789012,
};

static struct resume_proof relay(void)
{
	struct resume_proof p = agent;

	p.side = RESUME_PROOF_RELAY;
	return p;
}

static void known_sessions_have_their_known_proofs(void **state)
{
	struct resume_proof of_relay = relay();
	char text[RESUME_PROOF_TEXT_LEN + 1];

	resume_proof_make(secret, &agent, text);
	assert_string_equal(
		text, "1046f95490c8bb1c1b37da25702e46e57328349fa5e69699f0ae1443b26425e4");
	resume_proof_make(secret, &of_relay, text);
	assert_string_equal(
		text, "3fd8eb5e2675d1e5958dde9b0adf71e9f16209d00626d4bdd28be0d745aa484a");
}

static void a_proof_holds_for_what_it_was_made_for_alone(void **state)
{
	struct resume_proof others[] = {relay(), agent, agent, agent};
	char text[RESUME_PROOF_TEXT_LEN + 1];
	uint8_t other_secret[RESUME_PROOF_SECRET_LEN] = {0};

	others[1].session = SLICE("s-2");
	others[2].epoch++;
	others[3].received--;
	resume_proof_make(secret, &agent, text);
	assert_true(resume_proof_check(secret, &agent, slice_from_str(text)));
	assert_false(resume_proof_check(other_secret, &agent, slice_from_str(text)));
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		assert_false(resume_proof_check(secret, &others[i], slice_from_str(text)));
}

static void a_text_that_is_no_proof_is_refused(void **state)
{
	char text[RESUME_PROOF_TEXT_LEN + 1];
	struct slice proof;

	resume_proof_make(secret, &agent, text);
	proof = slice_from_str(text);
	assert_false(resume_proof_check(secret, &agent, slice_first(proof, 63)));
	assert_false(resume_proof_check(secret, &agent, (struct slice) {NULL, 0}));
	text[63] = text[63] == '0' ? '1' : '0';
	assert_false(resume_proof_check(secret, &agent, proof));
	text[63] = 'g';
	assert_false(resume_proof_check(secret, &agent, proof));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_sessions_have_their_known_proofs),
		cmocka_unit_test(a_proof_holds_for_what_it_was_made_for_alone),
		cmocka_unit_test(a_text_that_is_no_proof_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
