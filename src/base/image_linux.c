#include "base/image_linux.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct image_part {
	uintptr_t start;
	uintptr_t end;
	bool is_constant; /* of a file, and nobody may write to it */
};

/* "7f12a000-7f12b000 r-xp 00002000 08:01 1234 /lib/..." begins a part; more lines tell of it. */
static bool image_begins(const char *line, struct image_part *part)
{
	struct image_part next;
	char access[5] = "";
	unsigned long long inode;

	if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s %*s %*s %llu", &next.start, &next.end,
		    access, &inode) != 4)
		return false;
	next.is_constant = inode && access[1] == '-' && access[3] == 'p';
	*part = next;
	return true;
}

/* A page that was changed once (a relocation, a breakpoint) would come back as it was before. */
static bool image_is_unchanged(const char *line)
{
	unsigned long changed;

	return sscanf(line, "Anonymous: %lu kB", &changed) == 1 && changed == 0;
}

void image_release(void)
{
	FILE *file = fopen("/proc/self/smaps", "re");
	struct image_part part = {0};
	char *line = NULL;
	size_t size = 0;

	if (!file)
		return;
	while (getline(&line, &size, file) > 0) {
		if (!image_begins(line, &part) && part.is_constant && image_is_unchanged(line))
			madvise((void *)part.start, part.end - part.start, MADV_DONTNEED);
	}
	free(line);
	fclose(file);
}
