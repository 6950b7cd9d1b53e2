/*
 * The key of an account, kept on this machine for one relay: one line in a file that only its user
 * may read. It appears whole or not at all.
 */
#ifndef AGENT_KEY_FILE_H
#define AGENT_KEY_FILE_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/slice.h"

#define KEY_FILE_KEY_MAX 256u

/* Whether the text can be a key: adit_ and letters, digits, '_' and '-'. */
bool key_file_is_key(struct slice text);
/*
 * Appends the key. ERR_NOT_FOUND: there is no file; ERR_DENIED: it belongs to somebody else, or
 * others may read it; ERR_SYNTAX: there is no key in it. For all but the first why_out has a
 * sentence. The caller wipes out.
 */
MUST_CHECK int key_file_read(const char *path, struct buf *out, struct buf *why_out);
/* Makes the folders, too (0700). why_out has a sentence on errors. */
MUST_CHECK int key_file_write(const char *path, struct slice key, struct buf *why_out);
/* ERR_NOT_FOUND: there was none. */
MUST_CHECK int key_file_remove(const char *path, struct buf *why_out);

#endif
