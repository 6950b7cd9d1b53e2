/*
 * Small files of the user's own: mode 0600, in folders of 0700 that are made where they are
 * missing. One appears whole or not at all, whoever writes it at the same time.
 */
#ifndef AGENT_PRIVATE_FILE_H
#define AGENT_PRIVATE_FILE_H

#include "base/attr.h"
#include "base/slice.h"

/* Makes the file, or replaces it. What is left of it after a crash is in nobody's way. */
MUST_CHECK int private_file_write(const char *path, struct slice content);

#endif
