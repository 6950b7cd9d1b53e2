/*
 * A YAML document as a row of keys with their depth, for files with more shape than options have:
 * mappings in mappings, and scalars at the ends. What the keys mean is the caller's business.
 */
#ifndef CONFIG_YAML_WALK_H
#define CONFIG_YAML_WALK_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/slice.h"

#define YAML_WALK_DEPTH_MAX 4u

/* Texts are valid during the visit. */
struct yaml_item {
	unsigned depth; /* 0: a key of the document itself */
	size_t line; /* counted from 1 */
	struct slice key;
	/* Empty for a mapping and for null; of a list its scalars with commas. */
	struct slice value;
	bool is_mapping; /* its keys follow, one deeper */
	bool is_list;
};

/* What a visit returns other than 0 ends the walk; it has written the message then. */
typedef int (*yaml_visit_fn)(void *ctx, const struct yaml_item *item);

struct yaml_visitor {
	yaml_visit_fn visit;
	void *ctx;
};

/* file is the name for messages, which have the form "file:line: sentence". */
MUST_CHECK int yaml_walk(const struct yaml_visitor *visitor, const char *file, struct slice text,
	struct buf *message);

#endif
