/* A link that continues a session has four fields, each of them once. */
#include "relay/agent_resume.h"

#include "base/err.h"
#include "base/num.h"
#include "proto/http_head.h"

/* The one value of a field, or an empty slice. */
static struct slice agent_resume_field(const struct http_head *head, enum http_field_id id)
{
	if (http_head_count(head, id) != 1)
		return (struct slice) {NULL, 0};
	return http_head_value(head, id);
}

int agent_resume_read(const struct http_head *head, struct agent_resume *out)
{
	struct slice epoch = agent_resume_field(head, HTTP_FIELD_ADIT_EPOCH);
	struct slice received = agent_resume_field(head, HTTP_FIELD_ADIT_RECEIVED);
	struct slice proof = agent_resume_field(head, HTTP_FIELD_ADIT_PROOF);

	*out = (struct agent_resume) {.session = agent_resume_field(head, HTTP_FIELD_ADIT_SESSION),
		.or_afresh =
			slice_eq(agent_resume_field(head, HTTP_FIELD_ADIT_AFRESH), SLICE("1"))};
	if (!http_head_get(head, HTTP_FIELD_ADIT_SESSION))
		return ERR_NOT_FOUND;
	if (num_parse_u64(epoch, &out->epoch) != 0 ||
		num_parse_u64(received, &out->received) != 0 || proof.len != RESUME_PROOF_TEXT_LEN)
		return ERR_SYNTAX;
	out->proof = proof;
	return 0;
}

bool agent_resume_is_proven(
	const struct agent_resume *resume, const uint8_t secret[RESUME_PROOF_SECRET_LEN])
{
	const struct resume_proof proof = {
		RESUME_PROOF_AGENT, resume->session, resume->epoch, resume->received};

	return resume_proof_check(secret, &proof, resume->proof);
}

void agent_resume_prove(const struct agent_resume *resume, uint64_t received,
	const uint8_t secret[RESUME_PROOF_SECRET_LEN], char out[RESUME_PROOF_TEXT_LEN + 1])
{
	const struct resume_proof proof = {
		RESUME_PROOF_RELAY, resume->session, resume->epoch, received};

	resume_proof_make(secret, &proof, out);
}
