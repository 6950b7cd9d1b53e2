/* A form with anything in it: a value that is found has no more bytes than it came in. */
#include <stdlib.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/err.h"
#include "proto/http_form.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What a browser would make of the value. */
static void encode(struct buf *out, struct slice value)
{
	for (size_t i = 0; i < value.len; i++)
		buf_printf(out, "%%%02x", (unsigned char)value.ptr[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice body = slice_of(data, size);
	char out[64], again[64];
	struct buf form = {0};
	size_t len, len_again;
	int err = http_form_get(body, SLICE("password"), out, sizeof(out), &len);

	CHECK(err == 0 || err == ERR_NOT_FOUND || err == ERR_LIMIT);
	CHECK(len <= sizeof(out) && len <= size && (!err || !len));
	if (!err) {
		buf_append_str(&form, "a=b&password=");
		encode(&form, slice_of(out, len));
		buf_append_str(&form, "&password=x");
		CHECK(http_form_get(buf_slice(&form), SLICE("password"), again, sizeof(again),
			      &len_again) == 0);
		CHECK(slice_eq(slice_of(out, len), slice_of(again, len_again)));
		buf_release(&form);
	}
	return 0;
}
