/* Any bytes are a .env file: nothing is read beyond them, and the end is reached. */
#include <stdint.h>

#include "base/check.h"
#include "config/dotenv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dotenv_entry entry = {0};
	unsigned last = 0;
	struct dotenv d;

	dotenv_init(&d, slice_of(data, size));
	while (dotenv_next(&d, &entry)) {
		CHECK(entry.line > last);
		CHECK(entry.fault || !entry.value.len ||
			!memchr(entry.value.ptr, '\0', entry.value.len));
		last = entry.line;
	}
	dotenv_deinit(&d);
	return 0;
}
