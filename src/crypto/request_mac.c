/* One HMAC over the parts in their order. */
#include "crypto/request_mac.h"

#include "base/attr.h"

void request_mac_make(
	struct slice secret, const struct request_mac *r, uint8_t mac_out[DIGEST_SHA256_LEN])
{
	const struct slice parts[] = {r->method, r->path, r->timestamp, r->nonce, r->body};

	digest_hmac_sha256(secret, parts, ARRAY_LEN(parts), mac_out);
}
