/* The access log's lines about what no tunnel answers: nobody ever sent a first byte of it. */
#ifndef RELAY_FRONT_LOG_H
#define RELAY_FRONT_LOG_H

#include "base/slice.h"

struct access_record;
struct front;
struct http_head;
struct visitor_error_info;
struct worker;

/* The answer of the relay's API that is in the worker's answer buffer; its request gets an id.
 * The source is the address that is refused where it is a refusal. */
void front_log_answer(struct worker *w, struct slice source, struct access_record *record);
/* The error that is in the worker's scratch buffer. No head: it could not be read. */
void front_log_error(struct front *f, const struct visitor_error_info *info,
	const struct http_head *head, struct slice request_id);

#endif
