/* The last words of the program when one of its own invariants does not hold. */
#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void check_fail(const char *what, const char *file, int line)
{
	char text[512];
	int n = snprintf(text, sizeof(text), "FATAL: %s:%d: check failed: %s\n", file, line, what);

	if (n > (int)sizeof(text) - 1)
		n = (int)sizeof(text) - 1;
	if (write(STDERR_FILENO, text, (size_t)n) < 0) {
		/* nobody is left to be told */
	}
	abort();
}
