/* Requests: one outcome however they are cut, and what was accepted reads the same rewritten. */
#include "fuzz_splits.h"

#include "base/check.h"
#include "proto/http1_write.h"
#include "proto/http_hop.h"
#include "proto/http_host.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct http_head head;

static void check_marks(void)
{
	http_hop_mark(&head);
	for (size_t i = 0; i < head.field_count; i++) {
		if (head.fields[i].id == HTTP_FIELD_HOST ||
			head.fields[i].id == HTTP_FIELD_CONTENT_LENGTH)
			CHECK(!head.fields[i].hop);
		if (head.fields[i].id == HTTP_FIELD_TRANSFER_ENCODING ||
			head.fields[i].id == HTTP_FIELD_CONNECTION)
			CHECK(head.fields[i].hop);
	}
	if (http_hop_wants_upgrade(&head))
		CHECK(head.minor == 1 && head.first[HTTP_FIELD_UPGRADE]);
	http_hop_keeps_alive(&head);
}

static void check_target(void)
{
	struct http_target target;

	if (http_target_parse(head.target, &target) < 0)
		return;
	CHECK(target.path.len && memchr("/*?", target.path.ptr[0], 3));
	CHECK(target.path.ptr[0] != '?' || target.form == HTTP_TARGET_ABSOLUTE);
	CHECK((target.form == HTTP_TARGET_ABSOLUTE) == (target.authority.len > 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = slice_of(data, size);
	struct http1_body body;
	struct buf out;

	fuzz_splits_check(in, false, HTTP_GET);
	if (fuzz_splits_parse(in, false, &head) != PARSE_DONE)
		return 0;
	CHECK(head.method.len && head.target.len && head.size <= size);
	if (head.minor == 1) {
		buf_init(&out);
		http1_write_request_line(&out, head.method, head.target);
		fuzz_splits_check_rewritten(&out, &head, false);
		buf_release(&out);
	}
	if (!http1_body_of_request(&head, &body))
		CHECK(!(head.first[HTTP_FIELD_CONTENT_LENGTH] &&
			head.first[HTTP_FIELD_TRANSFER_ENCODING]));
	check_target();
	check_marks();
	return 0;
}
