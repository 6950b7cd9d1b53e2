/*
 * SHA-1 and base64 as the WebSocket handshake wants them. It proves that the other side speaks
 * WebSocket and nothing else: no secret is involved.
 */
#include "crypto/ws_accept.h"

#include <openssl/evp.h>

#include "base/check.h"
#include "crypto/rand.h"

#define WS_ACCEPT_KEY_BYTES 16
#define WS_ACCEPT_SHA1_LEN 20
#define WS_ACCEPT_GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11" /* RFC 6455, 1.3 */

void ws_accept_make_key(char out[WS_ACCEPT_KEY_LEN + 1])
{
	unsigned char bytes[WS_ACCEPT_KEY_BYTES];

	rand_bytes(bytes, sizeof(bytes));
	CHECK(EVP_EncodeBlock((unsigned char *)out, bytes, sizeof(bytes)) == WS_ACCEPT_KEY_LEN);
}

static bool ws_accept_is_base64(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
		c == '+' || c == '/';
}

bool ws_accept_is_key(struct slice text)
{
	if (text.len != WS_ACCEPT_KEY_LEN || !slice_ends(text, SLICE("==")))
		return false;
	for (size_t i = 0; i < WS_ACCEPT_KEY_LEN - 2; i++) {
		if (!ws_accept_is_base64(text.ptr[i]))
			return false;
	}
	/* The last digit holds two bits of the sixteenth byte, and four that are zero. */
	return memchr("AQgw", text.ptr[WS_ACCEPT_KEY_LEN - 3], 4) != NULL;
}

void ws_accept_of_key(struct slice key, char out[WS_ACCEPT_LEN + 1])
{
	unsigned char sum[EVP_MAX_MD_SIZE];
	unsigned int len = 0;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	CHECK(ctx && EVP_DigestInit_ex(ctx, EVP_sha1(), NULL) == 1);
	CHECK(EVP_DigestUpdate(ctx, key.ptr, key.len) == 1);
	CHECK(EVP_DigestUpdate(ctx, WS_ACCEPT_GUID, sizeof(WS_ACCEPT_GUID) - 1) == 1);
	CHECK(EVP_DigestFinal_ex(ctx, sum, &len) == 1 && len == WS_ACCEPT_SHA1_LEN);
	EVP_MD_CTX_free(ctx);
	CHECK(EVP_EncodeBlock((unsigned char *)out, sum, WS_ACCEPT_SHA1_LEN) == WS_ACCEPT_LEN);
}
