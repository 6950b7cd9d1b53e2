/*
 * The header of the PROXY protocol, which tells a local service who its visitor is before the
 * visitor's own bytes: version 1 is a line of text, version 2 is binary.
 */
#ifndef PROTO_PROXY_HEADER_H
#define PROTO_PROXY_HEADER_H

#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

/* Numeric addresses without brackets; empty and 0 where something is not known. */
struct proxy_header {
	struct slice visitor;
	struct slice public_address; /* where the visitor connected to */
	uint16_t visitor_port;
	uint16_t public_port;
};

/* Version 1 or 2. A visitor that is no address makes a header that says so ("UNKNOWN", "LOCAL"). */
void proxy_header_write(struct buf *out, unsigned version, const struct proxy_header *header);

#endif
