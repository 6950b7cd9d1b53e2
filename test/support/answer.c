/* Reads answers with the parsers that face real servers. */
#include "support/answer.h"

#include "base/check.h"
#include "proto/http1_body.h"
#include "proto/http1_parse.h"

void answer_read(struct answer *answer, const struct buf *bytes, enum http_method method)
{
	static const struct http1_limits limits = {1 << 16, 1 << 17, HTTP_FIELDS_MAX};
	struct http1_parser parser = {0};
	struct slice rest = buf_slice(bytes);
	struct http1_body body;

	CHECK(http1_parse_response(&parser, rest, &limits, &answer->head) == PARSE_DONE);
	rest = slice_from(rest, answer->head.size);
	CHECK(http1_body_of_response(&answer->head, method, &body) == HTTP_FAULT_NONE);
	answer->body = (struct slice) {NULL, 0};
	if (body.kind == HTTP1_BODY_LENGTH && body.left)
		CHECK(http1_body_next(&body, &rest, &answer->body) == HTTP1_BODY_DATA);
	CHECK(rest.len == 0);
	if (body.kind != HTTP1_BODY_NONE)
		CHECK(body.kind == HTTP1_BODY_LENGTH && body.left == 0);
}

struct slice answer_field(const struct answer *answer, const char *name)
{
	struct slice value = {NULL, 0};

	for (uint16_t i = 0; i < answer->head.field_count; i++) {
		const struct http_field *field = &answer->head.fields[i];

		if (!slice_eq_fold(field->name, slice_from_str(name)))
			continue;
		CHECK(!value.ptr);
		value = field->value;
	}
	return value;
}
