/* Any bytes are an option file: it is taken, or refused with a sentence that names the file. */
#include <stdint.h>

#include "base/check.h"
#include "config/yaml.h"
#include "relay/relay_options.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf message;
	struct opt_set set;
	int err;

	buf_init(&message);
	opt_set_init(&set, &relay_options);
	err = yaml_read_options(&set, "f.yaml", slice_of(data, size), &message);
	CHECK((err == 0) == (buf_len(&message) == 0));
	CHECK(!err || slice_starts(buf_slice(&message), SLICE("f.yaml")));
	opt_set_deinit(&set);
	buf_release(&message);
	return 0;
}
