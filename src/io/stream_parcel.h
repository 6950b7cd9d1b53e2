/*
 * A connection between two loops: what stream_detach leaves of a stream, and from which another
 * loop makes one that goes on where it stopped. May be carried from thread to thread.
 */
#ifndef IO_STREAM_PARCEL_H
#define IO_STREAM_PARCEL_H

#include "base/attr.h"
#include "base/buf.h"

struct loop;
struct stream;
struct tls;

struct stream_parcel {
	int fd; /* owned */
	struct tls *tls; /* owned; NULL for a plain connection */
	struct buf ciphertext; /* owned; received, not decrypted yet */
};

/* Takes what is in the parcel, whatever it returns. Reading is stopped. */
MUST_CHECK int stream_parcel_adopt(
	struct stream_parcel *parcel, struct loop *loop, struct stream **stream_out);
/* Ends the connection. */
void stream_parcel_deinit(struct stream_parcel *parcel);

#endif
