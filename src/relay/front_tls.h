/* The handshakes of visitors: counted, bounded, and what becomes of them. */
#ifndef RELAY_FRONT_TLS_H
#define RELAY_FRONT_TLS_H

struct front;
struct stream;
struct worker;

/* A connection that was just accepted, with TLS around it. */
struct stream *front_tls_wrap(struct worker *w, struct stream *stream);
/* Starts the handshake of a new front with such a stream. */
void front_tls_begin(struct front *f);
/* A connection that was ready on another worker. */
void front_tls_adopt(struct front *f);
/* The front is gone from this worker. */
void front_tls_end(struct front *f);

#endif
