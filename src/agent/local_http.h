/* A visitor of an http tunnel: one request, one answer. */
#ifndef AGENT_LOCAL_HTTP_H
#define AGENT_LOCAL_HTTP_H

#include "base/slice.h"

struct local_visitor;

/* The visitor's tunnel is known, and its stream is being read; received stood behind its line. */
void local_http_begin(struct local_visitor *v, struct slice received);

#endif
