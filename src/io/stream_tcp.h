/* A TCP socket as a stream. A unix socket as well: what only TCP has does nothing there. */
#ifndef IO_STREAM_TCP_H
#define IO_STREAM_TCP_H

#include <stdint.h>

#include "base/attr.h"
#include "io/stream.h"

struct loop;

/* Takes the descriptor, whatever it returns. */
MUST_CHECK int stream_tcp_adopt(struct loop *loop, int fd, struct stream **stream_out);
/* The descriptor, still the stream's. */
int stream_tcp_fd(const struct stream *stream);
/* Whether nothing, neither bytes nor an end, waits to be read. */
bool stream_tcp_is_quiet(const struct stream *stream);
/* Whether the other side's kernel has everything that was written. */
bool stream_tcp_is_delivered(const struct stream *stream);
/* Whether the other side's kernel said anything in the last so many microseconds, if only that it
 * has what was sent. For a stream with a socket below all layers. */
bool stream_tcp_is_heard(const struct stream *stream, uint64_t within_us);
/* Notices a path that died silently: probes after so many seconds, gives up after limit_ms. */
void stream_tcp_set_keepalive(struct stream *stream, unsigned idle_s, unsigned limit_ms);

/*
 * For a stream whose socket, below all layers, carries many others: it gives up after limit_ms
 * without an acknowledgement, and the kernel takes little beyond what the network does, so that
 * what is written later can still go first. A stream without a socket stays as it is.
 */
#define STREAM_TCP_LINK_UNSENT 262144
void stream_tcp_tune_link(const struct stream *stream, unsigned limit_ms);

#endif
