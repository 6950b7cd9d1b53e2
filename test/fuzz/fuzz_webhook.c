/*
 * The first byte chooses the scheme, then come signature, time and body, parted by zero bytes.
 * Nobody knows the secret, so nothing is ever good.
 */
#include "base/check.h"
#include "crypto/webhook.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char secret[] = "4b7e1d0c2f5a8896e3";
	struct slice rest = slice_of(data, size);
	struct webhook_message m = {.now_s = 1492774577};
	enum webhook_scheme scheme;
	enum webhook_verdict verdict;

	if (!rest.len)
		return 0;
	scheme = (enum webhook_scheme)(data[0] % WEBHOOK_SCHEME_COUNT);
	rest = slice_from(rest, 1);
	slice_split(&rest, '\0', &m.signature);
	slice_split(&rest, '\0', &m.timestamp);
	m.body = rest;
	verdict = webhook_check(scheme, slice_of(secret, sizeof(secret) - 1), &m);
	CHECK(verdict != WEBHOOK_GOOD);
	CHECK(webhook_verdict_text(verdict)[0]);
	return 0;
}
