/* The handshakes of visitors: counted, bounded, and what becomes of them. */
#ifndef RELAY_FRONT_TLS_H
#define RELAY_FRONT_TLS_H

struct front;

/* Puts TLS around the stream of a front that was just made. */
void front_tls_begin(struct front *f);
/* A connection that was ready on another worker. */
void front_tls_adopt(struct front *f);
/* The front is gone from this worker. */
void front_tls_end(struct front *f);

#endif
