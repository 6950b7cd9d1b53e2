/* Fixed length, fixed alphabet: a text that is not a key costs its inspection, and no hashing. */
#include "crypto/api_key.h"

#include "base/buf.h"
#include "base/check.h"
#include "base/mem.h"
#include "crypto/base64.h"
#include "crypto/digest.h"
#include "crypto/rand.h"

#define API_KEY_SECRET_BYTES 32

static const char api_key_letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";

static bool api_key_is_id(struct slice text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (!memchr(api_key_letters, text.ptr[i], sizeof(api_key_letters) - 1))
			return false;
	}
	return text.len == API_KEY_ID_LEN;
}

static void api_key_make_secret(char *out)
{
	uint8_t bytes[API_KEY_SECRET_BYTES];
	struct buf text = {0};

	rand_bytes(bytes, sizeof(bytes));
	base64_append(&text, slice_of(bytes, sizeof(bytes)));
	CHECK(buf_len(&text) > API_KEY_SECRET_LEN);
	for (size_t i = 0; i < API_KEY_SECRET_LEN; i++) {
		char c = buf_slice(&text).ptr[i];

		if (c == '+')
			c = '-';
		else if (c == '/')
			c = '_';
		out[i] = c;
	}
	mem_wipe(bytes, sizeof(bytes));
	mem_wipe(text.base, text.cap);
	buf_release(&text);
}

void api_key_make(char text_out[API_KEY_TEXT_LEN + 1])
{
	struct slice prefix = SLICE(API_KEY_PREFIX);
	char *at = text_out;

	memcpy(at, prefix.ptr, prefix.len);
	at += prefix.len;
	for (int i = 0; i < API_KEY_ID_LEN; i++)
		*at++ = api_key_letters[rand_below(sizeof(api_key_letters) - 1)];
	*at++ = '_';
	api_key_make_secret(at);
	text_out[API_KEY_TEXT_LEN] = '\0';
}

bool api_key_parse(struct slice text, struct slice *id_out)
{
	struct slice prefix = SLICE(API_KEY_PREFIX), rest = slice_from(text, prefix.len);

	if (text.len != API_KEY_TEXT_LEN || !slice_starts(text, prefix) ||
		!api_key_is_id(slice_first(rest, API_KEY_ID_LEN)) ||
		rest.ptr[API_KEY_ID_LEN] != '_' ||
		!slice_is_token(slice_from(rest, API_KEY_ID_LEN + 1)))
		return false;
	*id_out = slice_first(rest, API_KEY_ID_LEN);
	return true;
}

void api_key_hash(struct slice text, uint8_t hash_out[API_KEY_HASH_LEN])
{
	digest_sha256(text, hash_out);
}
