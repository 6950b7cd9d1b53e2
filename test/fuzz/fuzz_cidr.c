/* Any text may be a range; what is one is written so that it is read as the same again. */
#include "base/check.h"
#include "proto/cidr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = slice_of(data, size);
	struct cidr_address address;
	struct cidr cidr, again;
	char out[CIDR_TEXT_MAX];

	if (cidr_parse_address(text, &address) == 0) {
		CHECK(cidr_parse(text, &cidr) == 0 && cidr.bits == 128);
		CHECK(cidr_has(&cidr, &address));
	}
	if (cidr_parse(text, &cidr) != 0)
		return 0;
	CHECK(cidr_has(&cidr, &cidr.base));
	CHECK(cidr_parse(slice_of(out, cidr_print(&cidr, out)), &again) == 0);
	CHECK(again.bits == cidr.bits && cidr_has(&again, &cidr.base));
	CHECK(cidr_has(&cidr, &again.base));
	return 0;
}
