/*
 * The checks in the order of their cost: what a stranger can get wrong is refused before anything
 * is hashed, and what needs the secret comes last. A nonce is remembered only once its signature
 * has verified, so strangers cannot use up the nonces of others.
 */
#include "relay/hmac_auth.h"

#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/num.h"
#include "crypto/ct.h"
#include "crypto/digest.h"
#include "crypto/request_mac.h"
#include "proto/http_head.h"
#include "proto/http_host.h"
#include "relay/nonce_cache.h"

struct hmac_auth {
	char *secret; /* owned, wiped on free */
	size_t secret_len;
	struct hmac_auth_limits limits;
	struct nonce_cache *cache; /* borrowed */
};

struct hmac_auth *hmac_auth_new(
	struct slice secret, const struct hmac_auth_limits *limits, struct nonce_cache *cache)
{
	struct hmac_auth *auth = MEM_NEW(struct hmac_auth);

	CHECK(secret.len >= HMAC_AUTH_SECRET_MIN && cache);
	auth->secret = mem_dup(secret.ptr, secret.len);
	auth->secret_len = secret.len;
	auth->limits = *limits;
	auth->cache = cache;
	return auth;
}

void hmac_auth_free(struct hmac_auth **auth_ref)
{
	struct hmac_auth *auth = *auth_ref;

	if (!auth)
		return;
	*auth_ref = NULL;
	mem_wipe(auth->secret, auth->secret_len);
	mem_free(auth->secret);
	mem_free(auth);
}

/* A repeated field leaves no single value to sign; a comma is in none of the three grammars. */
static struct slice hmac_auth_field(const struct http_head *head, enum http_field_id id)
{
	return http_head_count(head, id) > 1 ? SLICE(",") : http_head_value(head, id);
}

struct hmac_request hmac_auth_request(
	const struct http_head *head, struct slice path_and_query, struct slice body)
{
	return (struct hmac_request) {
		.method = head->method,
		.path = http_target_path(path_and_query),
		.target = path_and_query,
		.body = body,
		.authorization = hmac_auth_field(head, HTTP_FIELD_AUTHORIZATION),
		.timestamp = hmac_auth_field(head, HTTP_FIELD_X_TIMESTAMP),
		.nonce = hmac_auth_field(head, HTTP_FIELD_X_NONCE),
	};
}

static uint64_t hmac_auth_add(uint64_t a, uint64_t b)
{
	return __builtin_add_overflow(a, b, &a) ? UINT64_MAX : a;
}

static uint64_t hmac_auth_sub(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

static uint64_t hmac_auth_ms(uint64_t seconds)
{
	return __builtin_mul_overflow(seconds, 1000u, &seconds) ? UINT64_MAX : seconds;
}

/* Digits only. A number too large for 64 bits is a number all the same, and far too new. */
static bool hmac_auth_number(struct slice text, uint64_t *value_out)
{
	int err = num_parse_u64(text, value_out);

	if (err == ERR_RANGE)
		*value_out = UINT64_MAX;
	return err != ERR_SYNTAX;
}

/* "HMAC sha256=<hex>": the words in any case, one or more blanks, and nothing after the digits. */
static bool hmac_auth_find_hex(struct slice field, struct slice *hex_out)
{
	static const char digits[] = "0123456789abcdefABCDEF";
	struct slice scheme = SLICE("HMAC"), prefix = SLICE("sha256=");
	struct slice rest = slice_from(field, scheme.len), trimmed = slice_trim(rest);

	if (!slice_eq_fold(slice_first(field, scheme.len), scheme) || trimmed.ptr == rest.ptr)
		return false;
	if (!slice_eq_fold(slice_first(trimmed, prefix.len), prefix))
		return false;
	*hex_out = slice_from(trimmed, prefix.len);
	for (size_t i = 0; i < hex_out->len; i++) {
		if (!memchr(digits, hex_out->ptr[i], sizeof(digits) - 1))
			return false;
	}
	return hex_out->len > 0;
}

static const char *hmac_auth_missing(const struct hmac_request *req)
{
	if (!req->authorization.len)
		return "Missing Authorization header";
	if (!req->timestamp.len)
		return "Missing X-Timestamp header";
	if (!req->nonce.len)
		return "Missing X-Nonce header";
	return NULL;
}

/*
 * The signed text has no separators, so "/app0" + "17..." and "/app" + "017..." have the same
 * signature: a timestamp with a leading zero would let somebody in between move digits out of
 * the name. It is not how anybody writes the time, and is refused.
 */
static int hmac_auth_check_timestamp(const struct hmac_auth *auth, struct slice text,
	uint64_t now_s, uint64_t *timestamp_out, struct buf *reason_out)
{
	uint64_t diff, at;

	if ((text.ptr[0] == '0' && text.len > 1) || !hmac_auth_number(text, &at)) {
		buf_append_str(reason_out, "Invalid timestamp (must be numeric)");
		return ERR_DENIED;
	}
	*timestamp_out = at;
	diff = at > now_s ? at - now_s : now_s - at;
	if (diff <= auth->limits.tolerance_s)
		return 0;
	buf_append_str(reason_out, "Timestamp expired (diff: ");
	buf_append_u64(reason_out, diff);
	buf_append_str(reason_out, "s, tolerance: ");
	buf_append_u64(reason_out, auth->limits.tolerance_s);
	buf_append_str(reason_out, "s)");
	return ERR_DENIED;
}

static int hmac_auth_check_nonce(const struct hmac_auth *auth, struct slice text,
	uint64_t timestamp, uint64_t *nonce_out, struct buf *reason_out)
{
	const struct hmac_auth_limits *limits = &auth->limits;
	uint64_t oldest = hmac_auth_ms(hmac_auth_sub(timestamp, limits->nonce_threshold_s));
	uint64_t newest = hmac_auth_ms(hmac_auth_add(timestamp, limits->tolerance_s));

	if (!hmac_auth_number(text, nonce_out)) {
		buf_append_str(
			reason_out, "Invalid nonce (must be numeric Unix epoch in milliseconds)");
		return ERR_DENIED;
	}
	if (*nonce_out < oldest) {
		buf_append_str(reason_out, "Nonce too old (threshold: ");
		buf_append_u64(reason_out, limits->nonce_threshold_s);
		buf_append_str(reason_out, "s)");
		return ERR_DENIED;
	}
	if (*nonce_out > newest) {
		buf_append_str(reason_out, "Nonce too new (tolerance: ");
		buf_append_u64(reason_out, limits->tolerance_s);
		buf_append_str(reason_out, "s)");
		return ERR_DENIED;
	}
	return 0;
}

static bool hmac_auth_matches(const struct hmac_auth *auth, const struct hmac_request *req,
	struct slice path, const uint8_t given[DIGEST_SHA256_LEN])
{
	const struct request_mac signed_parts = {
		.method = req->method,
		.path = path,
		.timestamp = req->timestamp,
		.nonce = req->nonce,
		.body = req->body,
	};
	uint8_t mac[DIGEST_SHA256_LEN];
	bool equal;

	request_mac_make(slice_of(auth->secret, auth->secret_len), &signed_parts, mac);
	equal = ct_equal(mac, given, sizeof(mac));
	mem_wipe(mac, sizeof(mac));
	return equal;
}

static bool hmac_auth_verifies(
	const struct hmac_auth *auth, const struct hmac_request *req, struct slice hex)
{
	uint8_t given[DIGEST_SHA256_LEN];

	if (!digest_unhex(hex, given, sizeof(given)))
		return false;
	if (hmac_auth_matches(auth, req, req->path, given))
		return true;
	return !slice_eq(req->path, req->target) &&
		hmac_auth_matches(auth, req, req->target, given);
}

/* Remembered for the TTL, and never for less than this very request would pass the clock. */
static int hmac_auth_use_nonce(
	struct hmac_auth *auth, uint64_t nonce, uint64_t timestamp, uint64_t now_ms)
{
	uint64_t ttl = hmac_auth_add(now_ms, hmac_auth_ms(auth->limits.nonce_ttl_s));
	uint64_t last = hmac_auth_add(timestamp, auth->limits.tolerance_s);
	uint64_t stale = hmac_auth_ms(hmac_auth_add(last, 1));

	return nonce_cache_add(auth->cache, nonce, now_ms, ttl > stale ? ttl : stale);
}

static int hmac_auth_replayed(struct buf *reason_out)
{
	buf_append_str(reason_out, "Nonce already used (replay attack detected)");
	return ERR_DENIED;
}

int hmac_auth_check(struct hmac_auth *auth, const struct hmac_request *req, uint64_t now_ms,
	struct buf *reason_out)
{
	const char *missing = hmac_auth_missing(req);
	uint64_t timestamp, nonce;
	struct slice hex;
	int err;

	if (missing) {
		buf_append_str(reason_out, missing);
		return ERR_DENIED;
	}
	if (!hmac_auth_find_hex(req->authorization, &hex)) {
		buf_append_str(reason_out,
			"Invalid Authorization header format (expected: HMAC sha256=<hex>)");
		return ERR_DENIED;
	}
	err = hmac_auth_check_timestamp(
		auth, req->timestamp, now_ms / 1000, &timestamp, reason_out);
	if (!err)
		err = hmac_auth_check_nonce(auth, req->nonce, timestamp, &nonce, reason_out);
	if (err)
		return err;
	if (nonce_cache_has(auth->cache, nonce, now_ms))
		return hmac_auth_replayed(reason_out);
	if (!hmac_auth_verifies(auth, req, hex)) {
		buf_append_str(reason_out, "Invalid HMAC signature");
		return ERR_DENIED;
	}
	err = hmac_auth_use_nonce(auth, nonce, timestamp, now_ms);
	if (err == ERR_EXISTS)
		return hmac_auth_replayed(reason_out);
	if (err)
		buf_append_str(reason_out, "Too many signed requests, try again later");
	return err;
}
