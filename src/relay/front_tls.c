/*
 * TLS of visitors' connections. A handshake that does not get on holds some 30 KiB until the head
 * timeout; with FRONT_TLS_HANDSHAKES_MAX of them on a worker each new one ends the oldest, so that
 * who only opens connections cannot keep out those who finish.
 */
#include "relay/front_tls.h"

#include "base/check.h"
#include "crypto/tls.h"
#include "io/stream_tls.h"
#include "relay/front_close.h"
#include "relay/front_priv.h"
#include "relay/worker.h"

#define FRONT_TLS_HANDSHAKES_MAX 1024u

static void front_tls_leave(struct front *f)
{
	if (!list_is_linked(&f->handshake))
		return;
	list_remove(&f->handshake);
	f->worker->handshake_count--;
}

static void front_tls_on_ready(void *ctx, int err)
{
	struct front *f = ctx;
	struct worker *w = f->worker;
	const struct tls *tls = stream_tls_get(f->stream);

	front_tls_leave(f);
	metrics_add(w->metrics, err ? METRIC_TLS_FAILED : METRIC_TLS_DONE, 1);
	if (err)
		log_debug(w->shared->log, "TLS handshake failed",
			LOG_STR("visitor", slice_from_str(f->from.peer)),
			LOG_STR("detail", slice_from_str(tls_failure(tls))));
	else if (tls_is_resumed(tls))
		metrics_add(w->metrics, METRIC_TLS_RESUMED, 1);
}

struct stream *front_tls_wrap(struct worker *w, struct stream *stream)
{
	struct tls *tls = tls_accept(atomic_load_explicit(&w->shared->tls, memory_order_acquire));

	return stream_tls_new(w->loop, &stream, &tls);
}

void front_tls_begin(struct front *f)
{
	struct worker *w = f->worker;

	if (w->handshake_count >= FRONT_TLS_HANDSHAKES_MAX) {
		struct front *oldest = CONTAINER_OF(w->handshakes.next, struct front, handshake);

		metrics_add(w->metrics, METRIC_SHED, 1);
		metrics_add(w->metrics, METRIC_TLS_FAILED, 1);
		front_tls_leave(oldest);
		front_close_now(oldest, false);
	}
	list_append(&w->handshakes, &f->handshake);
	w->handshake_count++;
	front_tls_adopt(f);
	stream_tls_on_ready(f->stream, front_tls_on_ready, f);
}

void front_tls_adopt(struct front *f)
{
	metrics_add(f->worker->metrics, METRIC_TLS_OPEN, 1);
}

void front_tls_end(struct front *f)
{
	if (f->from.door != FRONT_DOOR_TLS)
		return;
	if (list_is_linked(&f->handshake))
		metrics_add(f->worker->metrics, METRIC_TLS_FAILED, 1);
	front_tls_leave(f);
	metrics_sub(f->worker->metrics, METRIC_TLS_OPEN, 1);
}
