/* Numbers to bytes in network order, and back. */
#include "proto/mux_frame.h"

#include <endian.h>
#include <string.h>

static void mux_frame_put16(char *out, uint16_t value)
{
	value = htobe16(value);
	memcpy(out, &value, sizeof(value));
}

static void mux_frame_put32(char *out, uint32_t value)
{
	value = htobe32(value);
	memcpy(out, &value, sizeof(value));
}

static uint16_t mux_frame_get16(const char *in)
{
	uint16_t value;

	memcpy(&value, in, sizeof(value));
	return be16toh(value);
}

static uint32_t mux_frame_get32(const char *in)
{
	uint32_t value;

	memcpy(&value, in, sizeof(value));
	return be32toh(value);
}

void mux_frame_write(char out[MUX_FRAME_HEAD], const struct mux_frame *f)
{
	out[0] = (char)f->version;
	out[1] = (char)f->type;
	mux_frame_put16(out + 2, f->flags);
	mux_frame_put32(out + 4, f->stream);
	mux_frame_put32(out + 8, f->length);
}

struct mux_frame mux_frame_read(const char in[MUX_FRAME_HEAD])
{
	return (struct mux_frame) {
		.version = (uint8_t)in[0],
		.type = (uint8_t)in[1],
		.flags = mux_frame_get16(in + 2),
		.stream = mux_frame_get32(in + 4),
		.length = mux_frame_get32(in + 8),
	};
}

void mux_frame_write_u64(char out[8], uint64_t value)
{
	value = htobe64(value);
	memcpy(out, &value, sizeof(value));
}

uint64_t mux_frame_read_u64(const char in[8])
{
	uint64_t value;

	memcpy(&value, in, sizeof(value));
	return be64toh(value);
}
