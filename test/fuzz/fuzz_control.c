/*
 * Any bytes are a line of the control stream: a message, or refused with a sentence. A message
 * can be written, and comes out of its own line the same.
 */
#include <stdint.h>

#include "base/check.h"
#include "base/err.h"
#include "wire/control.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_again(const struct control *c)
{
	struct buf first = {0}, second = {0}, why = {0};
	struct control again;

	control_write(&first, c);
	CHECK(buf_len(&first) <= CONTROL_LINE_MAX);
	CHECK(slice_find(buf_slice(&first), '\n') == buf_len(&first) - 1);
	CHECK(control_read(slice_first(buf_slice(&first), buf_len(&first) - 1), &again, &why) == 0);
	control_write(&second, &again);
	CHECK(slice_eq(buf_slice(&first), buf_slice(&second)));
	control_deinit(&again);
	buf_release(&first);
	buf_release(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct control c;
	struct buf why = {0};
	int err = control_read(slice_of(data, size), &c, &why);

	CHECK(err == 0 || err == ERR_SYNTAX);
	CHECK((err == 0) == (buf_len(&why) == 0) && buf_len(&why) < 128);
	if (!err && c.type != CONTROL_UNKNOWN)
		check_again(&c);
	if (!err)
		control_deinit(&c);
	buf_release(&why);
	return 0;
}
