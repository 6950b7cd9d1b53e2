/* A request head from its text, for tests of what reads heads. */
#ifndef SUPPORT_REQUEST_TEXT_H
#define SUPPORT_REQUEST_TEXT_H

#include "proto/http_head.h"
#include "proto/http_host.h"

/* Parses a whole head, or fails the test. The text must live as long as the head. */
void request_text_parse(struct http_head *head, const char *text);
/* Parses an authority, or fails the test. */
struct http_host request_text_host(const char *authority);

#endif
