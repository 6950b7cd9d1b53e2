/*
 * What visitors see of a gate: the form for browsers, the answer for programs, signing out. Whole
 * answers at the end of a buffer. Pure.
 */
#ifndef RELAY_GATE_PAGE_H
#define RELAY_GATE_PAGE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/slice.h"
#include "relay/reply.h"
#include "relay/visitor_error.h"

struct http_head;

/* All borrowed. */
struct gate_page {
	const struct http_head *head;
	struct slice host; /* as the visitor calls the tunnel */
	struct slice request_id;
	struct slice csrf; /* value for the form */
	struct slice back; /* where the form leads */
	const struct slice *cookies; /* values of Set-Cookie */
	size_t cookie_count;
	unsigned retry_after_s;
	bool keep_alive;
};

/* Whether the request comes from a browser that shall see the form. */
bool gate_page_is_wanted(const struct http_head *head);
/* The form with what went wrong before, or the error for programs. Returns the status. */
unsigned gate_page_refuse(struct buf *out, const struct gate_page *page, enum visitor_error error);
/* The page for signing out, or that this was done. */
unsigned gate_page_logout(struct buf *out, const struct gate_page *page, bool is_in);
/* On to page->back. */
unsigned gate_page_redirect(struct buf *out, const struct gate_page *page);

#endif
