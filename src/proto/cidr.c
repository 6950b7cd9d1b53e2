/* The C library reads and writes the addresses; the prefix is ours. */
#include "proto/cidr.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/num.h"

#define CIDR_V4_BITS 96u /* in front of an IPv4 address */

static const uint8_t cidr_v4_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static bool cidr_is_v4(const struct cidr_address *a)
{
	return memcmp(a->bytes, cidr_v4_prefix, sizeof(cidr_v4_prefix)) == 0;
}

/* How many bits stand in front of what the text counts; 0 or 96. */
static int cidr_read(struct slice text, struct cidr_address *out, unsigned *front_out)
{
	char copy[INET6_ADDRSTRLEN];

	if (!text.len || text.len >= sizeof(copy) || memchr(text.ptr, '\0', text.len))
		return ERR_SYNTAX;
	slice_to_str(text, copy, sizeof(copy));
	memcpy(out->bytes, cidr_v4_prefix, sizeof(cidr_v4_prefix));
	*front_out = CIDR_V4_BITS;
	if (inet_pton(AF_INET, copy, out->bytes + sizeof(cidr_v4_prefix)) == 1)
		return 0;
	*front_out = 0;
	return inet_pton(AF_INET6, copy, out->bytes) == 1 ? 0 : ERR_SYNTAX;
}

int cidr_parse_address(struct slice text, struct cidr_address *address_out)
{
	unsigned front;

	return cidr_read(text, address_out, &front);
}

static void cidr_mask(struct cidr *c)
{
	for (unsigned i = 0; i < sizeof(c->base.bytes); i++) {
		unsigned kept = c->bits > 8 * i ? c->bits - 8 * i : 0;

		if (kept < 8)
			c->base.bytes[i] &= (uint8_t)(0xff00u >> kept);
	}
}

int cidr_parse(struct slice text, struct cidr *cidr_out)
{
	size_t slash = slice_find(text, '/');
	struct slice prefix = slice_from(text, slash + 1);
	uint64_t bits = 128;
	unsigned front;
	int err = cidr_read(slice_first(text, slash), &cidr_out->base, &front);

	if (err)
		return err;
	if (slash < text.len) {
		if (!prefix.len || prefix.len > 3)
			return ERR_SYNTAX;
		err = num_parse_u64(prefix, &bits);
		bits += front;
	}
	if (err)
		return err;
	if (bits > 128)
		return ERR_RANGE;
	cidr_out->bits = (uint8_t)bits;
	cidr_mask(cidr_out);
	return 0;
}

bool cidr_has(const struct cidr *cidr, const struct cidr_address *address)
{
	unsigned whole = cidr->bits / 8, rest = cidr->bits % 8;
	unsigned differ;

	if (memcmp(cidr->base.bytes, address->bytes, whole) != 0)
		return false;
	if (!rest)
		return true;
	differ = cidr->base.bytes[whole] ^ address->bytes[whole];
	return (differ & (0xff00u >> rest) & 0xff) == 0;
}

size_t cidr_print(const struct cidr *cidr, char out[CIDR_TEXT_MAX])
{
	bool v4 = cidr->bits >= CIDR_V4_BITS && cidr_is_v4(&cidr->base);
	unsigned front = v4 ? CIDR_V4_BITS : 0;
	char text[INET6_ADDRSTRLEN];
	int len;

	inet_ntop(v4 ? AF_INET : AF_INET6, cidr->base.bytes + front / 8, text, sizeof(text));
	if (cidr->bits == 128)
		len = snprintf(out, CIDR_TEXT_MAX, "%s", text);
	else
		len = snprintf(out, CIDR_TEXT_MAX, "%s/%u", text, cidr->bits - front);
	return (size_t)len;
}
