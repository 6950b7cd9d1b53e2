/*
 * Lines about what agents, clients and visitors do, which they could have written without end. The
 * first of each kind and source are all there; beyond that they are counted, in /metrics and in one
 * line a minute for each. Shared by the workers, with a lock; not on the way of a request that is
 * served.
 *
 *     peer_log(w, tunnel_holder(t), "tunnel online", LOG_STR("tunnel", tunnel_name(t)));
 */
#ifndef RELAY_PEER_LOG_H
#define RELAY_PEER_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/log.h"
#include "base/slice.h"

struct access_record;
struct book;
struct peer_log;
struct worker;

/* The log is borrowed, and must live as long. */
struct peer_log *peer_log_new(struct log *log);
void peer_log_free(struct peer_log **peers);
/* Writes what was left out; a worker does by itself. The book knows accounts' names, or is NULL. */
void peer_log_tell(struct peer_log *p, struct book *book);

/* Writes a line for the operator's information unless the source (see auth_holder()) has had its
 * share of those with this message, which must be a constant. */
void peer_log_line(struct worker *w, struct slice source, const char *message,
	const struct log_field *fields, size_t count);
#define peer_log(w, source, message, ...) peer_log_line(w, source, message, LOG_FIELDS(__VA_ARGS__))

/* Records a request of this address that was not served: worker_log_access() for all others. */
void peer_log_request(struct worker *w, struct slice address, const struct access_record *record);
/* Whether a line about the refusal of this address is due (D23); how many were left out before. */
bool peer_log_refuses(
	struct worker *w, struct slice address, const char *message, uint64_t *suppressed_out);

#endif
