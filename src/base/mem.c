/* Allocation that ends the program on exhaustion, so that no caller needs an untested branch. */
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"

static void *mem_or_die(void *ptr)
{
	if (UNLIKELY(!ptr))
		check_fail("out of memory", __FILE__, __LINE__);
	return ptr;
}

void *mem_alloc(size_t size)
{
	return mem_or_die(malloc(size ? size : 1));
}

void *mem_zero(size_t size)
{
	return mem_or_die(calloc(1, size ? size : 1));
}

void *mem_grow(void *old, size_t size)
{
	return mem_or_die(realloc(old, size ? size : 1));
}

void *mem_dup(const void *data, size_t size)
{
	void *copy = mem_alloc(size);

	if (size)
		memcpy(copy, data, size);
	return copy;
}

char *mem_dup_str(const char *data, size_t len)
{
	char *copy = mem_alloc(len + 1);

	if (len)
		memcpy(copy, data, len);
	copy[len] = '\0';
	return copy;
}

void mem_free(void *ptr)
{
	free(ptr);
}

void mem_wipe(void *ptr, size_t size)
{
	explicit_bzero(ptr, size);
}
