/* The law of every incremental parser here: how the bytes are cut must not change the outcome. */
#ifndef FUZZ_SPLITS_H
#define FUZZ_SPLITS_H

#include "support/http1_walk.h"

/* Aborts when a message is read in two ways. The method is that of the request. */
void fuzz_splits_check(struct slice bytes, bool is_response, enum http_method method);
/* Parses one head with generous limits. */
enum parse_result fuzz_splits_parse(struct slice bytes, bool is_response, struct http_head *head);
/* Writes the fields, reads them again, and aborts when they differ. Out has the first line. */
void fuzz_splits_check_rewritten(struct buf *out, const struct http_head *head, bool is_response);

#endif
