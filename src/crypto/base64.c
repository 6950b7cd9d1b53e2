/* The library's encoder, which wants room for a NUL behind the text. */
#include "crypto/base64.h"

#include <limits.h>
#include <openssl/evp.h>

#include "base/buf.h"
#include "base/check.h"

void base64_append(struct buf *out, struct slice bytes)
{
	size_t len = (bytes.len + 2) / 3 * 4;

	if (!bytes.len)
		return;
	CHECK(bytes.len < INT_MAX / 2);
	CHECK(EVP_EncodeBlock((unsigned char *)buf_reserve(out, len + 1),
		      (const unsigned char *)bytes.ptr, (int)bytes.len) == (int)len);
	buf_commit(out, len);
}
