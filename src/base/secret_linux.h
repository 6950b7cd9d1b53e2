/* Keeping memory out of core files. Elsewhere they are as the system makes them. */
#ifndef BASE_SECRET_LINUX_H
#define BASE_SECRET_LINUX_H

#include <stddef.h>

#ifdef __linux__
#include <sys/mman.h>
#endif

/* Of whole pages. A kernel without core files knows no such advice, and needs none. */
static inline void secret_linux_hide(void *ptr, size_t size)
{
#ifdef __linux__
	(void)madvise(ptr, size, MADV_DONTDUMP);
#endif
}

#endif
