/* The field Forwarded (RFC 7239) of a request on its way to the service. */
#ifndef RELAY_EXCHANGE_FORWARDED_H
#define RELAY_EXCHANGE_FORWARDED_H

#include "base/buf.h"
#include "base/slice.h"

struct http_head;

struct exchange_forwarded {
	const struct http_head *head; /* what a trusted proxy has sent; NULL: nobody is believed */
	struct slice peer; /* the address of who has sent it */
	struct slice host; /* as X-Forwarded-Host and -Proto have them */
	struct slice proto;
};

/*
 * Says who asked for what. Behind a trusted proxy the peer goes behind the hops that its Forwarded
 * names, or else its X-Forwarded-For; a list of more than 1 KiB is not translated, and nothing is
 * written then.
 */
void exchange_forwarded_write(struct buf *out, const struct exchange_forwarded *f);

#endif
