/* Authorization fields with anything in them: what is read leads back to the same field. */
#include <stdlib.h>

#include "base/buf.h"
#include "base/check.h"
#include "crypto/base64.h"
#include "proto/http_basic.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice value = slice_of(data, size), password = {NULL, 0}, again_password;
	char out[HTTP_BASIC_MAX], again[HTTP_BASIC_MAX];
	struct buf field = {0};

	if (http_basic_read(value, out, &password) != HTTP_BASIC_GOOD)
		return 0;
	CHECK(password.ptr > out && password.ptr[-1] == ':');
	CHECK(password.len < HTTP_BASIC_MAX);
	buf_append_str(&field, "Basic ");
	base64_append(&field, slice_of(out, (size_t)(password.ptr + password.len - out)));
	CHECK(http_basic_read(buf_slice(&field), again, &again_password) == HTTP_BASIC_GOOD);
	CHECK(slice_eq(password, again_password));
	buf_release(&field);
	return 0;
}
