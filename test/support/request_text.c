/* Runs the real parser, so that tests see heads as the relay does. */
#include "support/request_text.h"

#include "base/check.h"
#include "proto/http1_parse.h"

void request_text_parse(struct http_head *head, const char *text)
{
	static const struct http1_limits limits = {1 << 16, 1 << 17, HTTP_FIELDS_MAX};
	struct http1_parser parser = {0};

	CHECK(http1_parse_request(&parser, slice_from_str(text), &limits, head) == PARSE_DONE);
}

struct http_host request_text_host(const char *authority)
{
	struct http_host host;

	CHECK(http_host_parse(slice_from_str(authority), &host) == 0);
	return host;
}
