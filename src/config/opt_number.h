/*
 * Numbers of options as text: plain, times ("30s"), sizes ("64k"), always checked against the
 * option's bounds. Messages name value and bounds; the caller puts in front where it stood.
 */
#ifndef CONFIG_OPT_NUMBER_H
#define CONFIG_OPT_NUMBER_H

#include "config/opt.h"

/* 0, or ERR_SYNTAX or ERR_RANGE with a sentence appended to why. */
MUST_CHECK int opt_number_parse(
	const struct opt *o, struct slice text, uint64_t *value_out, struct buf *why);
/* In the largest unit that is exact: 30s, 64k. */
void opt_number_print(const struct opt *o, uint64_t value, struct buf *out);
/* "1 to 65535", "1ms to 30d", "0 or more". */
void opt_number_print_bounds(const struct opt *o, struct buf *out);

#endif
