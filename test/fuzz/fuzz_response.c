/* Responses, to GET and to HEAD: one outcome however they are cut, and the same rewritten. */
#include "fuzz_splits.h"

#include "base/check.h"
#include "proto/http1_write.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct http_head head;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = slice_of(data, size);
	struct http1_body body;
	struct buf out;

	fuzz_splits_check(in, true, HTTP_GET);
	fuzz_splits_check(in, true, HTTP_HEAD);
	if (fuzz_splits_parse(in, true, &head) != PARSE_DONE)
		return 0;
	CHECK(head.status >= 100 && head.status <= 599 && head.size <= size);
	buf_init(&out);
	http1_write_status_line(&out, head.status, head.reason);
	fuzz_splits_check_rewritten(&out, &head, true);
	buf_release(&out);
	if (!http1_body_of_response(&head, HTTP_HEAD, &body))
		CHECK(body.kind == HTTP1_BODY_NONE);
	if (!http1_body_of_response(&head, HTTP_GET, &body) && body.kind == HTTP1_BODY_CHUNKED)
		CHECK(head.minor == 1);
	return 0;
}
