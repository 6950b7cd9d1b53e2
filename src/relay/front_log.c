/* Called where an answer is ready to be written, because its length is in the line. */
#include "relay/front_log.h"

#include "proto/http_head.h"
#include "relay/front_priv.h"
#include "relay/identity.h"
#include "relay/peer_log.h"
#include "relay/visitor_error.h"
#include "relay/worker.h"

void front_log_answer(struct worker *w, struct slice source, struct access_record *record)
{
	char id[WORKER_REQUEST_ID_LEN];

	worker_next_request_id(w, id);
	record->request_id = slice_of(id, sizeof(id));
	record->ended = ACCESS_COMPLETE;
	record->bytes_out = buf_len(&w->answer);
	record->first_byte_us = UINT64_MAX;
	if (record->status < 400)
		worker_log_access(w, record);
	else
		peer_log_request(w, source, record);
}

void front_log_error(struct front *f, const struct visitor_error_info *info,
	const struct http_head *head, struct slice request_id)
{
	struct worker *w = f->worker;
	struct slice source = slice_from_str(f->from.peer);
	struct access_record record = {
		.visitor = source,
		.request_id = request_id,
		.error_code = slice_from_str(info->code),
		.status = info->status,
		.ended = ACCESS_RELAY,
		.first_byte_us = UINT64_MAX,
		.bytes_out = buf_len(&w->out),
	};

	if (head) {
		record.visitor = identity_client_ip(head, source, w->conf->trust_proxy);
		source = identity_near_ip(head, source, w->conf->trust_proxy);
		record.method = head->method;
		record.path = head->target;
		record.bytes_in = head->size;
	}
	metrics_add(w->metrics, METRIC_REQUESTS, 1);
	metrics_add(w->metrics, metrics_response(info->status), 1);
	metrics_add(w->metrics, metrics_error(record.error_code), 1);
	peer_log_request(w, source, &record);
}
