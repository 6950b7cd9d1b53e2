/*
 * Ranges of addresses as people write them: 10.0.0.0/8, 2001:db8::/32, 192.0.2.7. An IPv4 address
 * and the same one mapped into IPv6 are one. Pure text and bits.
 */
#ifndef PROTO_CIDR_H
#define PROTO_CIDR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/slice.h"

#define CIDR_TEXT_MAX 50 /* the longest range as text, and its NUL */

/* IPv4 stands in ::ffff:0:0/96. */
struct cidr_address {
	uint8_t bytes[16];
};

struct cidr {
	struct cidr_address base; /* bits beyond the prefix are zero */
	uint8_t bits; /* of the 128 */
};

/* One address; a zone, a port or brackets are not part of it. */
MUST_CHECK int cidr_parse_address(struct slice text, struct cidr_address *address_out);
/* An address alone is a range of one. ERR_SYNTAX, or ERR_RANGE for the number behind the slash. */
MUST_CHECK int cidr_parse(struct slice text, struct cidr *cidr_out);
bool cidr_has(const struct cidr *cidr, const struct cidr_address *address);
/* The canonical text; returns its length. A range of one is written as an address. */
size_t cidr_print(const struct cidr *cidr, char out[CIDR_TEXT_MAX]);

#endif
