/*
 * Writes what "The PROXY protocol, versions 1 and 2" describes in its sections 2.1 and 2.2. Both
 * ends of a connection are of one family there; where ours are not, the IPv4 one is mapped into
 * IPv6. A public address that is not known is written as the unspecified one, because a service
 * wants to know the visitor all the same.
 */
#include "proto/proxy_header.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/check.h"

#define PROXY_HEADER_V2_LOCAL 0x20 /* version 2, nobody in particular connected */
#define PROXY_HEADER_V2_PROXY 0x21 /* version 2, on behalf of somebody */
#define PROXY_HEADER_V2_NONE 0x00
#define PROXY_HEADER_V2_TCP4 0x11
#define PROXY_HEADER_V2_TCP6 0x21

#define PROXY_HEADER_IPV4 4u /* bytes of an address */
#define PROXY_HEADER_IPV6 16u
#define PROXY_HEADER_MAPPED 12u /* bytes of ::ffff:0:0/96 */

struct proxy_header_ends {
	uint8_t visitor[PROXY_HEADER_IPV6];
	uint8_t public_address[PROXY_HEADER_IPV6];
	size_t len; /* of each; 0: not known */
};

static const uint8_t proxy_header_mapped[PROXY_HEADER_MAPPED] = {
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/* How many bytes the address has; 0 when it is none. */
static size_t proxy_header_read(struct slice text, uint8_t out[PROXY_HEADER_IPV6])
{
	char str[INET6_ADDRSTRLEN];

	if (!text.len || text.len >= sizeof(str) || memchr(text.ptr, '\0', text.len))
		return 0;
	slice_to_str(text, str, sizeof(str));
	if (inet_pton(AF_INET, str, out) == 1)
		return PROXY_HEADER_IPV4;
	return inet_pton(AF_INET6, str, out) == 1 ? PROXY_HEADER_IPV6 : 0;
}

static void proxy_header_map(uint8_t address[PROXY_HEADER_IPV6])
{
	memmove(address + PROXY_HEADER_MAPPED, address, PROXY_HEADER_IPV4);
	memcpy(address, proxy_header_mapped, PROXY_HEADER_MAPPED);
}

static struct proxy_header_ends proxy_header_ends_of(const struct proxy_header *header)
{
	struct proxy_header_ends ends = {.len = 0};
	size_t visitor = proxy_header_read(header->visitor, ends.visitor);
	size_t public_len = proxy_header_read(header->public_address, ends.public_address);

	if (!visitor)
		return ends;
	ends.len = visitor > public_len ? visitor : public_len;
	if (visitor < ends.len)
		proxy_header_map(ends.visitor);
	if (public_len && public_len < ends.len)
		proxy_header_map(ends.public_address);
	return ends;
}

static void proxy_header_write_text(
	struct buf *out, const struct proxy_header *header, const struct proxy_header_ends *ends)
{
	int family = ends->len == PROXY_HEADER_IPV4 ? AF_INET : AF_INET6;
	char visitor[INET6_ADDRSTRLEN], public_address[INET6_ADDRSTRLEN];

	if (!ends->len) {
		buf_append_str(out, "PROXY UNKNOWN\r\n");
		return;
	}
	CHECK(inet_ntop(family, ends->visitor, visitor, sizeof(visitor)));
	CHECK(inet_ntop(family, ends->public_address, public_address, sizeof(public_address)));
	buf_printf(out, "PROXY TCP%c %s %s %u %u\r\n", family == AF_INET ? '4' : '6', visitor,
		public_address, header->visitor_port, header->public_port);
}

static void proxy_header_put_u16(struct buf *out, size_t value)
{
	buf_append_char(out, (char)(value >> 8));
	buf_append_char(out, (char)(value & 0xff));
}

static void proxy_header_write_binary(
	struct buf *out, const struct proxy_header *header, const struct proxy_header_ends *ends)
{
	buf_append_slice(out, SLICE("\r\n\r\n\0\r\nQUIT\n"));
	if (!ends->len) {
		buf_append_char(out, PROXY_HEADER_V2_LOCAL);
		buf_append_char(out, PROXY_HEADER_V2_NONE);
		proxy_header_put_u16(out, 0);
		return;
	}
	buf_append_char(out, PROXY_HEADER_V2_PROXY);
	buf_append_char(
		out, ends->len == PROXY_HEADER_IPV4 ? PROXY_HEADER_V2_TCP4 : PROXY_HEADER_V2_TCP6);
	proxy_header_put_u16(out, 2 * ends->len + 2 * sizeof(uint16_t));
	buf_append(out, ends->visitor, ends->len);
	buf_append(out, ends->public_address, ends->len);
	proxy_header_put_u16(out, header->visitor_port);
	proxy_header_put_u16(out, header->public_port);
}

void proxy_header_write(struct buf *out, unsigned version, const struct proxy_header *header)
{
	struct proxy_header_ends ends = proxy_header_ends_of(header);

	CHECK(version == 1 || version == 2);
	if (version == 1)
		proxy_header_write_text(out, header, &ends);
	else
		proxy_header_write_binary(out, header, &ends);
}
