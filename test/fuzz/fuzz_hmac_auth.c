/*
 * The three fields of a signed request, separated by line ends, at any clock. Whatever they are,
 * a request without the secret is refused with a sentence; one that is signed here passes exactly
 * when its numbers are in bounds, and never twice.
 */
#include <stdlib.h>

#include "base/check.h"
#include "base/err.h"
#include "base/num.h"
#include "crypto/digest.h"
#include "relay/hmac_auth.h"
#include "relay/nonce_cache.h"

#define NOW_S UINT64_C(1700000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The signature of what the request says, as a field. */
static void sign(struct slice secret, const struct hmac_request *req, struct buf *field)
{
	const struct slice parts[] = {
		req->method, req->path, req->timestamp, req->nonce, req->body};
	uint8_t mac[DIGEST_SHA256_LEN];
	char hex[2 * DIGEST_SHA256_LEN + 1];

	digest_hmac_sha256(secret, parts, ARRAY_LEN(parts), mac);
	digest_hex(mac, sizeof(mac), hex);
	buf_append_str(field, "HMAC sha256=");
	buf_append_str(field, hex);
}

/* What the rules say of the two numbers, written down a second time. */
static bool is_in_bounds(struct slice timestamp, struct slice nonce)
{
	uint64_t at, number;

	if (num_parse_u64(timestamp, &at) != 0 || (timestamp.len > 1 && timestamp.ptr[0] == '0'))
		return false;
	if (at < NOW_S - 60 || at > NOW_S + 60 || num_parse_u64(nonce, &number) != 0)
		return false;
	return number >= (at - 3600) * 1000 && number <= (at + 60) * 1000;
}

static int check(struct hmac_auth *auth, const struct hmac_request *req)
{
	struct buf reason = {0};
	int err = hmac_auth_check(auth, req, NOW_S * 1000, &reason);

	CHECK(err == 0 || err == ERR_DENIED);
	CHECK((err == 0) == (buf_len(&reason) == 0));
	buf_release(&reason);
	return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct hmac_auth_limits limits = {60, 3600, 7200};
	struct slice secret = SLICE("0123456789abcdef0123456789abcdef");
	struct slice rest = slice_of(data, size);
	struct hmac_request req = {
		.method = SLICE("GET"), .path = SLICE("/"), .target = SLICE("/?new")};
	struct nonce_cache *cache = nonce_cache_new(8);
	struct hmac_auth *auth = hmac_auth_new(secret, &limits, cache);
	struct buf field = {0};

	slice_split(&rest, '\n', &req.authorization);
	slice_split(&rest, '\n', &req.timestamp);
	slice_split(&rest, '\n', &req.nonce);
	req.body = rest;
	CHECK(check(auth, &req) == ERR_DENIED);
	CHECK(nonce_cache_count(cache) == 0);
	sign(secret, &req, &field);
	req.authorization = buf_slice(&field);
	CHECK((check(auth, &req) == 0) == is_in_bounds(req.timestamp, req.nonce));
	CHECK(check(auth, &req) == ERR_DENIED);
	buf_release(&field);
	hmac_auth_free(&auth);
	nonce_cache_free(&cache);
	return 0;
}
