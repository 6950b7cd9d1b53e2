/*
 * Assertions that are always on. They guard our own invariants; what a peer, a file or the
 * kernel may do is handled with errors, never with CHECK.
 */
#ifndef BASE_CHECK_H
#define BASE_CHECK_H

#include "base/attr.h"

#define CHECK(cond)                                                                                \
	do {                                                                                       \
		if (UNLIKELY(!(cond)))                                                             \
			check_fail(#cond, __FILE__, __LINE__);                                     \
	} while (0)
#define UNREACHABLE() check_fail("unreachable", __FILE__, __LINE__)

/* Says what failed on standard error, without allocating, and aborts. */
NORETURN void check_fail(const char *what, const char *file, int line);

#endif
