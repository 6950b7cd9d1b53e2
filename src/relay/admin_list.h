/*
 * A list with pages: items are gathered in any order, sorted, and a page of them written as
 * {"items": [...], "next": ...}. Runs over all of them for each page, which is cheap beside the
 * network, and always shows what is there now.
 */
#ifndef RELAY_ADMIN_LIST_H
#define RELAY_ADMIN_LIST_H

#include "relay/admin.h"

struct admin_list_item;

struct admin_list {
	const struct admin_who *who; /* borrowed */
	const char *filter; /* borrowed: of whoever gathers */
	void *ctx; /* the same */
	struct admin_page page;
	struct admin_list_item *items; /* owned */
	size_t count;
	size_t room;
};

/* False: refused already. */
MUST_CHECK bool admin_list_begin(
	struct admin_list *list, const struct admin_request *q, struct admin_reply *reply);
/* They are sorted by the cursor, which is what the next page is asked with. */
void admin_list_add(struct admin_list *list, const char *cursor, const struct buf *json);
/* Writes the page, or what went wrong while gathering. Ends the list. */
void admin_list_answer(
	struct admin_list *list, struct admin_context *c, int err, struct admin_reply *reply);

#endif
