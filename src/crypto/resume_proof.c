/* HMAC-SHA256 over a label and three lines. */
#include "crypto/resume_proof.h"

#include "base/attr.h"
#include "base/mem.h"
#include "base/num.h"
#include "crypto/ct.h"
#include "crypto/digest.h"

static void resume_proof_mac(const uint8_t secret[RESUME_PROOF_SECRET_LEN],
	const struct resume_proof *p, uint8_t mac_out[DIGEST_SHA256_LEN])
{
	char epoch[NUM_TEXT_MAX], received[NUM_TEXT_MAX];
	const struct slice line_end = SLICE("\n");
	const struct slice parts[] = {
		p->side == RESUME_PROOF_AGENT ? SLICE("adit-resume-1\n")
					      : SLICE("adit-resumed-1\n"),
		p->session,
		line_end,
		slice_of(epoch, num_print_u64(p->epoch, epoch)),
		line_end,
		slice_of(received, num_print_u64(p->received, received)),
		line_end,
	};

	digest_hmac_sha256(
		slice_of(secret, RESUME_PROOF_SECRET_LEN), parts, ARRAY_LEN(parts), mac_out);
}

void resume_proof_make(const uint8_t secret[RESUME_PROOF_SECRET_LEN], const struct resume_proof *p,
	char text_out[RESUME_PROOF_TEXT_LEN + 1])
{
	uint8_t mac[DIGEST_SHA256_LEN];

	resume_proof_mac(secret, p, mac);
	digest_hex(mac, sizeof(mac), text_out);
	mem_wipe(mac, sizeof(mac));
}

bool resume_proof_check(const uint8_t secret[RESUME_PROOF_SECRET_LEN], const struct resume_proof *p,
	struct slice text)
{
	uint8_t mac[DIGEST_SHA256_LEN], given[DIGEST_SHA256_LEN];
	bool equal;

	if (!digest_unhex(text, given, sizeof(given)))
		return false;
	resume_proof_mac(secret, p, mac);
	equal = ct_equal(mac, given, sizeof(mac));
	mem_wipe(mac, sizeof(mac));
	return equal;
}
