/*
 * Checks of options that are text with a form: addresses, host names, URLs. Each normalises into
 * out, or appends to why a sentence that says what is wrong and what to write instead.
 */
#ifndef CONFIG_OPT_TEXT_H
#define CONFIG_OPT_TEXT_H

#include "base/attr.h"
#include "base/buf.h"
#include "base/slice.h"

/* 0 or ERR_SYNTAX. out is appended to. */
MUST_CHECK int opt_text_address(struct slice text, struct buf *out, struct buf *why);
MUST_CHECK int opt_text_host(struct slice text, struct buf *out, struct buf *why);
MUST_CHECK int opt_text_url(struct slice text, struct buf *out, struct buf *why);

#endif
