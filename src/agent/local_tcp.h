/* A visitor of a tcp tunnel: bytes both ways. */
#ifndef AGENT_LOCAL_TCP_H
#define AGENT_LOCAL_TCP_H

#include "base/slice.h"

struct local_visitor;

/* The visitor's tunnel is known, and its stream is being read; received stood behind its line. */
void local_tcp_begin(struct local_visitor *v, struct slice received);

#endif
