/*
 * A mux whose peer is written by hand: the test says which frames come, and reads as text what was
 * told ("opened 2;data 2 5;ended 2;") and what was sent ("data SYN 1 5;window FIN 1 0;ack 34;").
 */
#ifndef SUPPORT_MUX_PEER_H
#define SUPPORT_MUX_PEER_H

#include "proto/mux.h"
#include "proto/mux_frame.h"

#define MUX_PEER_STREAMS 16
#define MUX_PEER_PAYLOAD_MAX 2097152u

struct mux_peer;

struct mux_peer_stream {
	struct mux_stream stream;
	struct mux_peer *peer;
};

struct mux_peer {
	struct mux *mux; /* owned */
	struct mux_peer_stream streams[MUX_PEER_STREAMS]; /* in the order they began */
	struct buf told; /* owned */
	struct buf sent; /* owned */
	uint64_t counted; /* bytes it sent that count */
	uint64_t now_us;
	unsigned count; /* of the streams */
	bool refuse;
	bool read; /* at once what was opened */
	bool bytewise; /* it receives byte by byte */
	void (*then)(struct mux_peer *p, struct mux_stream *s); /* inside each event */
};

/* Zeroes in conf are replaced by something usual. The link is there, nothing was agreed. */
void mux_peer_init(struct mux_peer *p, struct mux_conf conf);
void mux_peer_deinit(struct mux_peer *p);
/* A frame comes, with as many bytes of payload as it says, up to MUX_PEER_PAYLOAD_MAX. */
int mux_peer_says(struct mux_peer *p, struct mux_frame f);
int mux_peer_acks(struct mux_peer *p, uint64_t position);
/* An own stream that reads, or NULL. */
struct mux_stream *mux_peer_open(struct mux_peer *p);
bool mux_peer_write(struct mux_stream *s, size_t len);
void mux_peer_tick(struct mux_peer *p);
/* What was told and sent since the last time, as C strings. */
const char *mux_peer_told(struct mux_peer *p);
const char *mux_peer_sent(struct mux_peer *p);

#endif
