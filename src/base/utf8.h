/* UTF-8 as RFC 3629 has it: shortest forms only, no surrogates. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdint.h>

#include "base/slice.h"

/* The length of the sequence of two to four bytes at the front; 0 for ASCII, and if it is invalid.
 * The slice may not be empty. */
size_t utf8_rune(struct slice s, uint32_t *rune_out);
/* Whether all of it is valid and there is no NUL in it. */
bool utf8_is_text(struct slice s);

#endif
