/* Asks a person on the terminal for something that shall not be seen. */
#ifndef AGENT_PROMPT_H
#define AGENT_PROMPT_H

#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"

/*
 * Shows the words and appends one line, without its end, that the terminal does not echo.
 * ERR_NOT_FOUND: there is no terminal; ERR_ENDED: the person has ended the input or stopped the
 * program; ERR_LIMIT: more than max bytes. The caller wipes out.
 */
MUST_CHECK int prompt_secret(const char *words, size_t max, struct buf *out);

#endif
