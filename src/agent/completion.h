/* Completion scripts for shells, made from the tables of commands and options. Pure. */
#ifndef AGENT_COMPLETION_H
#define AGENT_COMPLETION_H

#include "base/attr.h"
#include "base/buf.h"
#include "base/slice.h"

/* ERR_NOT_FOUND, with a sentence in why_out, for a shell that is not bash, zsh or fish. */
MUST_CHECK int completion_print(struct slice shell, struct buf *out, struct buf *why_out);

#endif
