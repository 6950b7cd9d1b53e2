/* Any bytes are taken for a key: what is one has every part where it belongs. */
#include "base/check.h"
#include "base/mem.h"
#include "crypto/api_key.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = mem_dup(data, size);
	uint8_t hash[API_KEY_HASH_LEN];
	struct slice id = {NULL, 0};

	if (api_key_parse(slice_of(text, size), &id)) {
		CHECK(size == API_KEY_TEXT_LEN && id.ptr == text + 5);
		CHECK(id.len == API_KEY_ID_LEN && slice_is_token(id));
		for (size_t i = 0; i < size; i++)
			CHECK(slice_is_token(slice_of(text + i, 1)));
	}
	api_key_hash(slice_of(text, size), hash);
	mem_free(text);
	return 0;
}
