/* Any text may be the file of plans: it is read, or refused with one line that says where. */
#include "base/check.h"
#include "relay/plans.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf message = {0};
	struct plans *plans;
	int err = plans_parse("plans", slice_of(data, size), &plans, &message);

	if (err) {
		CHECK(!plans && slice_starts(buf_slice(&message), SLICE("plans:")));
		CHECK(slice_find(buf_slice(&message), '\n') == buf_len(&message));
	} else {
		CHECK(!buf_len(&message) && plans_at(plans, 0) && plans_anonymous(plans));
		for (size_t i = 0; plans_at(plans, i); i++) {
			struct slice name = slice_from_str(plans_at(plans, i)->name);

			CHECK(plans_get(plans, name) == plans_at(plans, i));
		}
	}
	plans_free(&plans);
	buf_release(&message);
	return 0;
}
