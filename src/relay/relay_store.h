/*
 * The store that the options name, and the book of it, for a relay that runs or for a command that
 * needs them without one.
 */
#ifndef RELAY_RELAY_STORE_H
#define RELAY_RELAY_STORE_H

#include "base/attr.h"

struct buf;
struct relay_conf;
struct relay_shared;

/*
 * Opens the store and fills the book, now and whenever the store must be opened anew. Nothing
 * happens where the options name none. Of the members of shared the log must be there; a directory
 * gets the ports of before, and workers are told of changes. The message is a sentence for people.
 */
MUST_CHECK int relay_store_open(
	struct relay_shared *shared, const struct relay_conf *conf, struct buf *message);
/* After the workers' threads, before their loops. */
void relay_store_close(struct relay_shared *shared);

#endif
