/*
 * Memory that was freed and that the allocator keeps. It gives back the end of an arena by itself,
 * and never what lies between blocks that are still in use: after a burst that is most of it.
 */
#ifndef BASE_HEAP_LINUX_H
#define BASE_HEAP_LINUX_H

/* Gives all of it back to the system; what is needed again comes as it did the first time. Holds up
 * others that allocate, about a millisecond for each 10 MiB. Without glibc it does nothing. */
#ifdef __linux__
void heap_release(void);
#else
static inline void heap_release(void)
{
}
#endif

#endif
