/* Reads small files whole: the YAML file, .env files, secrets. The only file access of config/. */
#ifndef CONFIG_CONF_FILE_H
#define CONFIG_CONF_FILE_H

#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"

/*
 * Appends the content to out in one piece of memory, so that wiping out.base wipes every copy.
 * Otherwise an ERR_ value, and why has the system's reason, such as
 * "ENOENT: no such file or directory, open 'x'". ERR_NOT_FOUND only when there is no such file;
 * ERR_LIMIT when it is longer than max.
 */
MUST_CHECK int conf_file_read(const char *path, size_t max, struct buf *out, struct buf *why);
/* Wipes and releases. */
void conf_file_forget(struct buf *content);

#endif
