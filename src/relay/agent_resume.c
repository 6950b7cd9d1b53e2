/* HMAC-SHA256 over the lines that the protocol names. */
#include "relay/agent_resume.h"

#include "base/err.h"
#include "base/num.h"
#include "crypto/ct.h"
#include "proto/http_head.h"

static void agent_resume_mac(struct slice label, const struct agent_resume *resume,
	uint64_t received, struct slice secret, uint8_t mac_out[DIGEST_SHA256_LEN])
{
	char epoch_text[NUM_TEXT_MAX], received_text[NUM_TEXT_MAX];
	const struct slice parts[] = {
		label,
		resume->session,
		SLICE("\n"),
		slice_of(epoch_text, num_print_u64(resume->epoch, epoch_text)),
		SLICE("\n"),
		slice_of(received_text, num_print_u64(received, received_text)),
		SLICE("\n"),
	};

	digest_hmac_sha256(secret, parts, ARRAY_LEN(parts), mac_out);
}

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

	*out = (struct agent_resume) {.session = agent_resume_field(head, HTTP_FIELD_ADIT_SESSION)};
	if (!http_head_get(head, HTTP_FIELD_ADIT_SESSION))
		return ERR_NOT_FOUND;
	if (num_parse_u64(epoch, &out->epoch) != 0 ||
		num_parse_u64(received, &out->received) != 0 ||
		!digest_unhex(proof, out->proof, sizeof(out->proof)))
		return ERR_SYNTAX;
	return 0;
}

bool agent_resume_is_proven(const struct agent_resume *resume, struct slice secret)
{
	uint8_t mac[DIGEST_SHA256_LEN];

	agent_resume_mac(SLICE("adit-resume-1\n"), resume, resume->received, secret, mac);
	return ct_equal(mac, resume->proof, sizeof(mac));
}

void agent_resume_prove(const struct agent_resume *resume, uint64_t received, struct slice secret,
	char out[2 * DIGEST_SHA256_LEN + 1])
{
	uint8_t mac[DIGEST_SHA256_LEN];

	agent_resume_mac(SLICE("adit-resumed-1\n"), resume, received, secret, mac);
	digest_hex(mac, sizeof(mac), out);
}
