/* Strict text <-> integer: the whole text must be the number, and overflow is an error. */
#ifndef BASE_NUM_H
#define BASE_NUM_H

#include <stdint.h>

#include "base/attr.h"
#include "base/slice.h"

#define NUM_TEXT_MAX 24 /* room for any 64-bit number and its NUL */

/* 0, or ERR_SYNTAX, or ERR_RANGE when the value does not fit 64 bits. Digits only, no sign. */
MUST_CHECK int num_parse_u64(struct slice text, uint64_t *value_out);
/* Hexadecimal digits of either case, at most 16. */
MUST_CHECK int num_parse_hex(struct slice text, uint64_t *value_out);
/* Writes the decimal digits and a NUL; returns how many digits there are. */
size_t num_print_u64(uint64_t value, char out[NUM_TEXT_MAX]);
size_t num_print_hex(uint64_t value, char out[NUM_TEXT_MAX]);

#endif
