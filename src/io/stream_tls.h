/*
 * TLS as a stream, over any stream. What the lower stream brings is decrypted in place of the
 * loop's plaintext buffer; what is written leaves as records in one write.
 */
#ifndef IO_STREAM_TLS_H
#define IO_STREAM_TLS_H

#include <stdbool.h>

#include "io/stream.h"

struct buf;
struct loop;
struct tls;

/* Called once, from the loop; the stream may be closed inside. With ERR_TLS tls_failure(tls) says
 * why. On an error the stream fails next. */
typedef void (*stream_tls_ready_fn)(void *ctx, int err);

/* Takes both; the lower stream is not one of TLS itself. The handshake runs when reading was
 * started, or after stream_tls_on_ready. */
struct stream *stream_tls_new(struct loop *loop, struct stream **lower, struct tls **tls);
/* Starts the handshake by itself and tells when it is over. */
void stream_tls_on_ready(struct stream *s, stream_tls_ready_fn ready, void *ctx);
/* Goes on where another loop stopped, beginning with ciphertext that was received there. Takes all
 * three. */
struct stream *stream_tls_adopt(
	struct loop *loop, struct stream **lower, struct tls **tls, struct buf *ciphertext);
/* Borrowed. NULL if the stream is none of this kind. */
const struct tls *stream_tls_get(const struct stream *s);

#endif
