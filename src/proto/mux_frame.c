/* Numbers to bytes in network order, and back. */
#include "proto/mux_frame.h"

static void mux_frame_put(char *out, unsigned bytes, uint64_t value)
{
	for (unsigned i = 0; i < bytes; i++)
		out[i] = (char)(value >> (8 * (bytes - 1 - i)));
}

static uint64_t mux_frame_get(const char *in, unsigned bytes)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < bytes; i++)
		value = value << 8 | (uint8_t)in[i];
	return value;
}

void mux_frame_write(char out[MUX_FRAME_HEAD], const struct mux_frame *f)
{
	out[0] = (char)f->version;
	out[1] = (char)f->type;
	mux_frame_put(out + 2, 2, f->flags);
	mux_frame_put(out + 4, 4, f->stream);
	mux_frame_put(out + 8, 4, f->length);
}

struct mux_frame mux_frame_read(const char in[MUX_FRAME_HEAD])
{
	return (struct mux_frame) {
		.version = (uint8_t)in[0],
		.type = (uint8_t)in[1],
		.flags = (uint16_t)mux_frame_get(in + 2, 2),
		.stream = (uint32_t)mux_frame_get(in + 4, 4),
		.length = (uint32_t)mux_frame_get(in + 8, 4),
	};
}

void mux_frame_write_u64(char out[8], uint64_t value)
{
	mux_frame_put(out, 8, value);
}

uint64_t mux_frame_read_u64(const char in[8])
{
	return mux_frame_get(in, 8);
}
