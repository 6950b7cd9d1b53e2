/* The 12 bytes in front of every frame (docs/protocol.md, 2). */
#ifndef PROTO_MUX_FRAME_H
#define PROTO_MUX_FRAME_H

#include <stdint.h>

#define MUX_FRAME_HEAD 12u
#define MUX_FRAME_FLAGS_AT 3u /* the byte of the header that holds all flags there are */

enum mux_frame_type {
	MUX_FRAME_DATA = 0,
	MUX_FRAME_WINDOW = 1,
	MUX_FRAME_PING = 2,
	MUX_FRAME_GO_AWAY = 3,
	MUX_FRAME_ACK = 16,
};

#define MUX_FLAG_SYN 1u
#define MUX_FLAG_ACK 2u
#define MUX_FLAG_FIN 4u
#define MUX_FLAG_RST 8u

struct mux_frame {
	uint8_t version;
	uint8_t type; /* an enum mux_frame_type, once it was checked */
	uint16_t flags;
	uint32_t stream;
	uint32_t length;
};

void mux_frame_write(char out[MUX_FRAME_HEAD], const struct mux_frame *f);
struct mux_frame mux_frame_read(const char in[MUX_FRAME_HEAD]);
/* The payload of an acknowledgement. */
void mux_frame_write_u64(char out[8], uint64_t value);
uint64_t mux_frame_read_u64(const char in[8]);

#endif
