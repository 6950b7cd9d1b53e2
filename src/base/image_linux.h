/*
 * The files that the program runs from, its own and its libraries'. Starting reads much of them
 * that serving never asks for again: relocations, tables of algorithms, decoders of certificates.
 */
#ifndef BASE_IMAGE_LINUX_H
#define BASE_IMAGE_LINUX_H

/* Gives the pages of them back that are as the files have them. What is needed again comes from the
 * page cache at its first touch. Takes some milliseconds. */
#ifdef __linux__
void image_release(void);
#else
static inline void image_release(void)
{
}
#endif

#endif
