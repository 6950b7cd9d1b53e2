/* Any text, escaped: no byte that acts is left, and the JSON is a string of valid UTF-8. */
#include <stdlib.h>

#include "base/check.h"
#include "relay/escape.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_json(struct slice json)
{
	for (size_t i = 0; i < json.len; i++) {
		unsigned char byte = (unsigned char)json.ptr[i];

		CHECK(byte >= 0x20 && byte != '"');
		if (byte != '\\')
			continue;
		CHECK(++i < json.len);
		CHECK(memchr("\\\"nu", json.ptr[i], 4));
		CHECK(json.ptr[i] != 'u' || json.len - i > 4);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf html = {0}, json = {0}, again = {0};

	escape_html(&html, slice_of(data, size));
	for (const char *dangerous = "<>\"'"; *dangerous; dangerous++)
		CHECK(slice_find(buf_slice(&html), *dangerous) == buf_len(&html));
	escape_json(&json, slice_of(data, size));
	check_json(buf_slice(&json));
	/* what is valid UTF-8 by now has no replacement made in it a second time */
	escape_json(&again, buf_slice(&json));
	for (size_t i = 0; i < buf_len(&again); i++)
		CHECK(!slice_starts(slice_from(buf_slice(&again), i), SLICE("\\ufffd")) ||
			(i > 0 && buf_slice(&again).ptr[i - 1] == '\\'));
	buf_release(&html);
	buf_release(&json);
	buf_release(&again);
	return 0;
}
