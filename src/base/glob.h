/* Patterns of names: a * stands for any number of characters, everything else for itself. */
#ifndef BASE_GLOB_H
#define BASE_GLOB_H

#include "base/slice.h"

bool glob_match(struct slice pattern, struct slice text);
/* Whether one of the patterns matches, which are parted by blanks; none of them does not. */
bool glob_match_any(struct slice patterns, struct slice text);
/* Takes the next pattern off *rest; false when there is none left. */
bool glob_next(struct slice *rest, struct slice *pattern_out);

#endif
