/* Proofs of links, against a value computed by another program. */
#include "relay/agent_resume.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"
#include "proto/http1_parse.h"

/* printf 'adit-resume-1\n00aa\n3\n1234\n' | openssl dgst -sha256 -mac HMAC -macopt hexkey:0101...
 */
#define PROOF "50c62a3afacabc16701dcdfc462dfb7f6fb9f22f0c194e4341ee6430811ca87a"
/* The same over adit-resumed-1, with 99 bytes received. */
#define ANSWER "c1db49dcd0b62d34aa937e8c29099550c4d2319257d8507b113c176e01a4b345"

static struct http_head head;
static uint8_t secret_bytes[32];

static const uint8_t *secret(void)
{
	memset(secret_bytes, 1, sizeof(secret_bytes));
	return secret_bytes;
}

static int read_fields(const char *fields, struct agent_resume *out)
{
	struct http1_limits limits = {1000, 20000, HTTP_FIELDS_MAX};
	struct http1_parser parser = {0};
	static char text[1000];
	struct buf request = {0};

	buf_printf(&request, "GET /_adit/session HTTP/1.1\r\nHost: a\r\n%s\r\n", fields);
	slice_to_str(buf_slice(&request), text, sizeof(text));
	buf_release(&request);
	assert_int_equal(
		http1_parse_request(&parser, slice_from_str(text), &limits, &head), PARSE_DONE);
	return agent_resume_read(&head, out);
}

static void a_true_proof_is_taken(void **state)
{
	struct agent_resume resume;

	assert_int_equal(
		read_fields("Adit-Session: 00aa\r\nAdit-Epoch: 3\r\nAdit-Received: 1234\r\n"
			    "Adit-Proof: " PROOF "\r\n",
			&resume),
		0);
	assert_true(slice_eq(resume.session, SLICE("00aa")));
	assert_int_equal(resume.epoch, 3);
	assert_int_equal(resume.received, 1234);
	assert_false(resume.or_afresh);
	assert_true(agent_resume_is_proven(&resume, secret()));
}

static void another_session_is_begun_for_who_says_so(void **state)
{
	struct agent_resume resume;

	assert_int_equal(
		read_fields("Adit-Session: 00aa\r\nAdit-Afresh: 1\r\n", &resume), ERR_SYNTAX);
	assert_true(resume.or_afresh);
	assert_int_equal(
		read_fields("Adit-Session: 00aa\r\nAdit-Afresh: yes\r\n", &resume), ERR_SYNTAX);
	assert_false(resume.or_afresh);
	assert_int_equal(
		read_fields("Adit-Session: 00aa\r\nAdit-Afresh: 1\r\nAdit-Afresh: 1\r\n", &resume),
		ERR_SYNTAX);
	assert_false(resume.or_afresh);
}

static void any_other_value_is_no_proof(void **state)
{
	struct agent_resume resume, other;

	assert_int_equal(
		read_fields("Adit-Session: 00aa\r\nAdit-Epoch: 3\r\nAdit-Received: 1234\r\n"
			    "Adit-Proof: " PROOF "\r\n",
			&resume),
		0);
	other = resume;
	other.epoch++;
	assert_false(agent_resume_is_proven(&other, secret()));
	other = resume;
	other.received--;
	assert_false(agent_resume_is_proven(&other, secret()));
	other = resume;
	other.session.len--;
	assert_false(agent_resume_is_proven(&other, secret()));
	other = resume;
	other.proof = SLICE(ANSWER);
	assert_false(agent_resume_is_proven(&other, secret()));
	secret();
	secret_bytes[0] = 2;
	assert_false(agent_resume_is_proven(&resume, secret_bytes));
}

static void the_relay_proves_what_it_has(void **state)
{
	struct agent_resume resume = {.session = SLICE("00aa"), .epoch = 3, .received = 1234};
	char text[RESUME_PROOF_TEXT_LEN + 1];

	agent_resume_prove(&resume, 99, secret(), text);
	assert_string_equal(text, ANSWER);
}

static void what_is_not_whole_is_told_from_what_is_not_there(void **state)
{
	static const char *const bad[] = {
		"Adit-Session: a\r\n",
		"Adit-Session: a\r\nAdit-Epoch: 1\r\nAdit-Received: 1\r\n",
		"Adit-Session: a\r\nAdit-Epoch: 1\r\nAdit-Received: 1\r\nAdit-Proof: ab\r\n",
		"Adit-Session: a\r\nAdit-Epoch: -1\r\nAdit-Received: 1\r\nAdit-Proof: " PROOF
		"\r\n",
		"Adit-Session: a\r\nAdit-Received: 1\r\nAdit-Proof: " PROOF "\r\n",
		"Adit-Session: a\r\nAdit-Epoch: 1\r\nAdit-Epoch: 1\r\nAdit-Received: 1\r\n"
		"Adit-Proof: " PROOF "\r\n",
	};
	struct agent_resume resume;

	assert_int_equal(read_fields("", &resume), ERR_NOT_FOUND);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(read_fields(bad[i], &resume), ERR_SYNTAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_true_proof_is_taken),
		cmocka_unit_test(another_session_is_begun_for_who_says_so),
		cmocka_unit_test(any_other_value_is_no_proof),
		cmocka_unit_test(the_relay_proves_what_it_has),
		cmocka_unit_test(what_is_not_whole_is_told_from_what_is_not_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
