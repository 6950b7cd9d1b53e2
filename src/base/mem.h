/*
 * Memory that never comes back NULL: when the machine has none left, the program ends with a
 * clear line instead of running on half-built. Sizes that a peer chooses are capped by the caller.
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

#include "base/attr.h"

/* Zeroed memory for one object of the given type. */
#define MEM_NEW(type) ((type *)mem_zero(sizeof(type)))

void *mem_alloc(size_t size) __attribute__((malloc, alloc_size(1), returns_nonnull));
void *mem_zero(size_t size) __attribute__((malloc, alloc_size(1), returns_nonnull));
void *mem_grow(void *old, size_t size) __attribute__((alloc_size(2), returns_nonnull));
void *mem_dup(const void *data, size_t size) __attribute__((returns_nonnull));
/* A NUL-terminated copy of len bytes. */
char *mem_dup_str(const char *data, size_t len) __attribute__((returns_nonnull));
void mem_free(void *ptr);
/* Overwrites a secret in a way the compiler may not leave out. */
void mem_wipe(void *ptr, size_t size);

#endif
