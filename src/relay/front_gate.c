/*
 * While a password is with the checkers the request stays unparsed in the input, and is looked at
 * from its first byte again afterwards. So whatever happens meanwhile, to the tunnel, to its
 * password or to the visitor, needs no rule of its own here.
 */
#include "relay/front_gate.h"

#include "base/check.h"
#include "proto/http1_body.h"
#include "proto/http1_parse.h"
#include "proto/http_host.h"
#include "relay/front_body.h"
#include "relay/front_close.h"
#include "relay/front_priv.h"
#include "relay/gate.h"
#include "relay/identity.h"
#include "relay/peer_log.h"
#include "relay/tunnel.h"
#include "relay/tunnel_gate.h"
#include "relay/worker.h"

static void front_gate_record(struct front *f, const struct gate_request *r, size_t bytes_in)
{
	struct worker *w = f->worker;
	struct access_record record = {
		.visitor = identity_client_ip(r->head, r->peer, w->conf->trust_proxy),
		.tunnel = tunnel_name(r->tunnel),
		.method = r->head->method,
		.path = r->path,
		.request_id = r->request_id,
		.error_code = slice_from_str(r->error),
		.status = r->status,
		.ended = ACCESS_RELAY,
		.bytes_in = bytes_in,
		.bytes_out = buf_len(&w->answer),
		.first_byte_us = UINT64_MAX,
	};

	metrics_add(w->metrics, METRIC_REQUESTS, 1);
	metrics_add(w->metrics, metrics_response(r->status), 1);
	if (r->error)
		metrics_add(w->metrics, metrics_error(record.error_code), 1);
	if (r->status < 400)
		worker_log_access(w, &record);
	else
		peer_log_request(
			w, identity_near_ip(r->head, r->peer, w->conf->trust_proxy), &record);
}

static enum front_gate_result front_gate_answer(
	struct front *f, struct gate_request *r, struct slice *in)
{
	size_t used = r->has_body ? front_body_end(f->body) : r->head->size;

	front_stop_asking(f);
	front_gate_record(f, r, used);
	front_write(f, buf_slice(&f->worker->answer));
	buf_release(&f->worker->answer);
	front_body_free(&f->body);
	/* A password was in it, in the head or in the form. */
	front_wipe(slice_first(*in, used));
	*in = slice_from(*in, used);
	f->answered = true;
	if (!r->keep_alive)
		front_close_gently(f);
	return FRONT_GATE_ANSWERED;
}

/* Gathers the form; true when it is whole. */
static bool front_gate_has_body(struct front *f, struct gate_request *r,
	const struct http1_body *framing, struct slice in, enum front_gate_result *result_out)
{
	bool begins = !f->body;

	if (begins)
		f->body = front_body_new(framing, r->head->size);
	front_body_allow(f->body, &r->body_room);
	switch (front_body_read(f->body, in, &f->worker->limits)) {
	case PARSE_DONE:
		r->body = front_body_content(f->body);
		r->has_body = true;
		return true;
	case PARSE_BAD:
		*result_out = FRONT_GATE_BAD_BODY;
		return false;
	case PARSE_MORE:
		if (begins)
			front_continue(f, r->head);
		*result_out = FRONT_GATE_WAITS;
		return false;
	}
	UNREACHABLE();
}

static void front_gate_open(struct front *f, const struct gate_request *r)
{
	front_stop_asking(f);
	front_body_free(&f->body); /* it was looked at; the input has it still */
	for (unsigned i = 0; r->tunnel->gate->password && i < r->head->field_count; i++) {
		if (r->head->fields[i].id == HTTP_FIELD_AUTHORIZATION)
			front_wipe(r->head->fields[i].value);
	}
}

enum front_gate_result front_gate_check(
	struct front *f, struct gate_request *r, const struct http1_body *framing, struct slice *in)
{
	bool may_keep_alive = r->keep_alive;
	enum front_gate_result result = FRONT_GATE_WAITS;
	char id[WORKER_REQUEST_ID_LEN];
	enum gate_verdict verdict;

	worker_next_request_id(f->worker, id);
	r->request_id = slice_of(id, sizeof(id));
	r->keep_alive = may_keep_alive && framing->kind == HTTP1_BODY_NONE;
	r->visit = &f->visit;
	r->again = f->again;
	r->ctx = f;
	verdict = gate_check(r);
	if (verdict == GATE_NEEDS_BODY) {
		if (!front_gate_has_body(f, r, framing, *in, &result))
			return result;
		r->keep_alive = may_keep_alive;
		verdict = gate_check(r);
	}
	switch (verdict) {
	case GATE_PASS:
		front_gate_open(f, r);
		return FRONT_GATE_OPEN;
	case GATE_ANSWERED:
		return front_gate_answer(f, r, in);
	case GATE_WAIT:
		front_ask(f);
		return FRONT_GATE_WAITS;
	case GATE_NEEDS_BODY:
		break;
	}
	UNREACHABLE();
}
