/* The receiving half of a mux: what mux.c needs of it. */
#ifndef PROTO_MUX_RECEIVE_H
#define PROTO_MUX_RECEIVE_H

#include "base/attr.h"
#include "base/slice.h"

struct mux;

/* Bytes of the link as it is now. An error is a fault, which the mux remembers. */
MUST_CHECK int mux_receive_bytes(struct mux *m, struct slice data);

#endif
