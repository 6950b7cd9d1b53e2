/* Accept fields with anything in them, one a line: a format comes out, always the same one. */
#include <stdlib.h>

#include "base/check.h"
#include "base/mem.h"
#include "proto/http_head.h"
#include "relay/accept.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_head *head = MEM_NEW(struct http_head);
	struct slice rest = slice_of(data, size), line;
	enum accept_format format;

	while (head->field_count < HTTP_FIELDS_MAX && slice_split(&rest, '\n', &line)) {
		head->fields[head->field_count++] = (struct http_field) {.name = SLICE("Accept"),
			.value = slice_trim(line),
			.id = HTTP_FIELD_ACCEPT};
	}
	format = accept_choose(head);
	CHECK(format == ACCEPT_TEXT || format == ACCEPT_HTML || format == ACCEPT_JSON);
	CHECK(format == accept_choose(head));
	mem_free(head);
	return 0;
}
