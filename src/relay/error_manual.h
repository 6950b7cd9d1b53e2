/* docs/errors.md, made from the tables of errors. Used by tools/error_docs.c and its test. */
#ifndef RELAY_ERROR_MANUAL_H
#define RELAY_ERROR_MANUAL_H

#include "base/buf.h"

void error_manual_markdown(struct buf *out);

#endif
