/*
 * Sealed values that a peer hands in: nothing but what was made here is good. The first byte of
 * the input says where a good value is changed, the rest takes that place.
 */
#include <stdlib.h>

#include "base/attr.h"
#include "base/check.h"
#include "crypto/seal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW UINT64_C(1700000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t key[SEAL_KEY_LEN] = {1};
	const struct slice parts[] = {{"session", 7}, {"demo", 4}};
	const struct seal_about about = {parts, ARRAY_LEN(parts)};
	struct seal *s = seal_new(key);
	char good[SEAL_TEXT_LEN + 1], text[SEAL_TEXT_LEN + 1];
	size_t at;

	CHECK(seal_check(s, about, slice_of(data, size), NOW) == SEAL_BAD);
	seal_make(s, about, NOW + 1, good);
	CHECK(seal_check(s, about, slice_of(good, SEAL_TEXT_LEN), NOW) == SEAL_GOOD);
	memcpy(text, good, sizeof(text));
	for (size_t i = 1; i < size; i++) {
		at = data[0] + i - 1;
		if (at < SEAL_TEXT_LEN)
			text[at] = (char)data[i];
	}
	CHECK((seal_check(s, about, slice_of(text, SEAL_TEXT_LEN), NOW) == SEAL_GOOD) ==
		!memcmp(text, good, SEAL_TEXT_LEN));
	seal_free(&s);
	return 0;
}
