/*
 * The loader knows which parts belong to program files; the kernel knows where they have been
 * changed. What only the kernel tells of may be anything by the time that it is given back: while
 * another thread loads a library, its data is mapped for a moment as if nobody might write to it.
 */
#include "base/image_linux.h"

#include <inttypes.h>
#include <link.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/mem.h"

struct image_part {
	uintptr_t start;
	uintptr_t end;
};

struct image {
	struct image_part *parts; /* owned; of files, constant and unchanged */
	size_t count;
	size_t room;
};

/* "7f12a000-7f12b000 r-xp 00002000 08:01 1234 /lib/..." begins a part; more lines tell of it. */
static bool image_begins(const char *line, struct image_part *part, bool *is_constant_out)
{
	struct image_part next;
	char access[5] = "";
	unsigned long long inode;

	if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s %*s %*s %llu", &next.start, &next.end,
		    access, &inode) != 4)
		return false;
	*is_constant_out = inode && access[1] == '-' && access[3] == 'p';
	*part = next;
	return true;
}

/* A page that was changed once (a relocation, a breakpoint) would come back as it was before. */
static bool image_is_unchanged(const char *line)
{
	unsigned long changed;

	return sscanf(line, "Anonymous: %lu kB", &changed) == 1 && changed == 0;
}

static void image_add(struct image *image, struct image_part part)
{
	if (image->count == image->room) {
		image->room = image->room ? 2 * image->room : 64;
		image->parts = mem_grow(image->parts, image->room * sizeof(*image->parts));
	}
	image->parts[image->count++] = part;
}

static void image_read(struct image *image)
{
	FILE *file = fopen("/proc/self/smaps", "re");
	struct image_part part = {0};
	bool is_constant = false;
	char *line = NULL;
	size_t size = 0;

	if (!file)
		return;
	while (getline(&line, &size, file) > 0) {
		if (!image_begins(line, &part, &is_constant) && is_constant &&
			image_is_unchanged(line))
			image_add(image, part);
	}
	free(line);
	fclose(file);
}

/* Gives back what of the parts is in the segment. */
static void image_release_segment(const struct image *image, struct image_part segment)
{
	for (size_t i = 0; i < image->count; i++) {
		struct image_part part = image->parts[i];

		if (part.start < segment.start)
			part.start = segment.start;
		if (part.end > segment.end)
			part.end = segment.end;
		if (part.start < part.end)
			madvise((void *)part.start, part.end - part.start, MADV_DONTNEED);
	}
}

/* The loader has mapped this one, and unmaps none of them meanwhile. */
static int image_on_file(struct dl_phdr_info *info, size_t size, void *ctx)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

	for (unsigned i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *head = &info->dlpi_phdr[i];
		uintptr_t start = info->dlpi_addr + head->p_vaddr;

		if (head->p_type == PT_LOAD && !(head->p_flags & PF_W))
			image_release_segment(ctx,
				(struct image_part) {start & ~(page - 1),
					(start + head->p_memsz + page - 1) & ~(page - 1)});
	}
	return 0;
}

void image_release(void)
{
	struct image image = {0};

	image_read(&image);
	dl_iterate_phdr(image_on_file, &image);
	mem_free(image.parts);
}
