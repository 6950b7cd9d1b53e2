/*
 * Tells when a file changed, appeared or went. Its folder is watched, because editors write a new
 * file and put it in the place of the old one.
 */
#ifndef IO_FILEWATCH_H
#define IO_FILEWATCH_H

#include "base/attr.h"

#define FILEWATCH_GATHER_MS 100u /* changes come in groups, and are told as one */

struct filewatch;
struct loop;

/* The file need not exist, its folder must. Of a symbolic link, the file that it leads to is
 * watched as well. */
MUST_CHECK int filewatch_open(struct loop *loop, const char *path, void (*changed)(void *ctx),
	void *ctx, struct filewatch **out);
void filewatch_close(struct filewatch **f);

#endif
