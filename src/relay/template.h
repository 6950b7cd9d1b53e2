/* Pages with holes: "{{name}}" is replaced by a value, escaped for HTML. Pure. */
#ifndef RELAY_TEMPLATE_H
#define RELAY_TEMPLATE_H

#include <stddef.h>

#include "base/buf.h"
#include "base/slice.h"

struct template_value {
	const char *name;
	struct slice text; /* borrowed */
};

/* The page is one of ours: a hole without a value is a mistake that CHECK reports. */
void template_write(
	struct buf *out, struct slice page, const struct template_value *values, size_t count);

#endif
