/*
 * A list with pages: items are gathered in any order, sorted, and a page of them written as
 * {"items": [...], "next": ...}. Runs over all of them for each page, which is cheap beside the
 * network, and always shows what is there now.
 */
#ifndef RELAY_ADMIN_LIST_H
#define RELAY_ADMIN_LIST_H

#include "relay/admin.h"
#include "store/record.h"

struct admin_list_item;

struct admin_list {
	const struct admin_who *who; /* borrowed */
	struct book *book; /* borrowed; NULL unless it is of what accounts have */
	char account[RECORD_ACCOUNT_MAX + 1]; /* "": of all that the asker may see */
	struct admin_page page;
	struct admin_list_item *items; /* owned */
	size_t count;
	size_t room;
};

/* False: refused already. */
MUST_CHECK bool admin_list_begin(
	struct admin_list *list, const struct admin_request *q, struct admin_reply *reply);
/* The same for what accounts have, which may be asked for of one alone. */
MUST_CHECK bool admin_list_begin_owned(struct admin_list *list, const struct admin_context *c,
	const struct admin_request *q, struct admin_reply *reply);
/* Then: whether what belongs to this account stands in it. */
bool admin_list_shows(
	const struct admin_list *list, uint64_t account_id, struct account *owner_out);
/* They are sorted by the cursor, which is what the next page is asked with. */
void admin_list_add(struct admin_list *list, const char *cursor, const struct buf *json);
/* Writes the page, or what went wrong while gathering. Ends the list. */
void admin_list_answer(
	struct admin_list *list, struct admin_context *c, int err, struct admin_reply *reply);

#endif
