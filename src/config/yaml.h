/*
 * The YAML file as a layer of options: one flat mapping from option names to scalars, or to lists
 * for options that are lists.
 */
#ifndef CONFIG_YAML_H
#define CONFIG_YAML_H

#include "config/opt_set.h"

/* file is the name for messages, which have the form "file:line: sentence". */
MUST_CHECK int yaml_read_options(
	struct opt_set *set, const char *file, struct slice text, struct buf *message);

#endif
