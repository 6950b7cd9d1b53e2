/*
 * What moves bytes through TLS: the handshake, records down to the lower stream, plaintext up to
 * the owner. Only stream_tls.c calls it; the lower stream's events come here.
 */
#ifndef IO_STREAM_TLS_ENGINE_H
#define IO_STREAM_TLS_ENGINE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"

struct loop_task;
struct stream_events;
struct stream_tls;

extern const struct stream_events stream_tls_engine_events;

/* Starts the handshake, unless it has begun. */
void stream_tls_engine_begin(struct stream_tls *t);
/* After something has changed: whether the lower stream is read, and whether there is work
 * without it. */
void stream_tls_engine_settle(struct stream_tls *t);
/* When it is up; false when it is full. */
bool stream_tls_engine_send_parts(struct stream_tls *t, const struct slice *parts, size_t count);
void stream_tls_engine_send_alert(struct stream_tls *t);
/* The alert, and then the end of the lower stream. */
void stream_tls_engine_send_end(struct stream_tls *t);
/* Its task `later`. */
void stream_tls_engine_on_later(struct loop_task *task);

#endif
