/* Items are kept as text; what is not on the page is not kept. */
#include "relay/admin_list.h"

#include <stdlib.h>

#include "base/mem.h"
#include "relay/admin_json.h"
#include "store/db.h"

struct admin_list_item {
	char *cursor; /* owned */
	char *json; /* owned */
	size_t json_len;
};

bool admin_list_begin(
	struct admin_list *list, const struct admin_request *q, struct admin_reply *reply)
{
	*list = (struct admin_list) {.who = &q->who};
	return admin_page_of(q, &list->page, reply);
}

bool admin_list_begin_owned(struct admin_list *list, const struct admin_context *c,
	const struct admin_request *q, struct admin_reply *reply)
{
	if (!admin_list_begin(list, q, reply))
		return false;
	list->book = c->book;
	return admin_query_account(q, list->account, sizeof(list->account), reply);
}

bool admin_list_shows(const struct admin_list *list, uint64_t account_id, struct account *owner_out)
{
	if (!list->who->admin && account_id != list->who->grant.account_id)
		return false;
	return book_find_account(list->book, account_id, owner_out) &&
		(!*list->account || strcmp(list->account, owner_out->name) == 0);
}

void admin_list_add(struct admin_list *list, const char *cursor, const struct buf *json)
{
	struct slice text = buf_slice(json);

	if (list->count == list->room) {
		list->room = list->room ? list->room * 2 : 64;
		list->items = mem_grow(list->items, list->room * sizeof(*list->items));
	}
	list->items[list->count++] = (struct admin_list_item) {
		.cursor = mem_dup_str(cursor, strlen(cursor)),
		.json = mem_dup_str(text.ptr, text.len),
		.json_len = text.len,
	};
}

static int admin_list_compare(const void *a, const void *b)
{
	const struct admin_list_item *x = a, *y = b;

	return strcmp(x->cursor, y->cursor);
}

static void admin_list_free(struct admin_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		mem_free(list->items[i].cursor);
		mem_free(list->items[i].json);
	}
	mem_free(list->items);
}

/* Where the page begins: behind the cursor, whether its item is still there or not. */
static size_t admin_list_start(const struct admin_list *list)
{
	size_t i = 0;

	while (i < list->count && strcmp(list->items[i].cursor, list->page.after) <= 0)
		i++;
	return i;
}

static void admin_list_write(struct admin_list *list, struct buf *out)
{
	size_t start = admin_list_start(list), end = list->count;

	if (end - start > list->page.limit)
		end = start + list->page.limit;
	admin_json_begin(out, NULL, '{');
	admin_json_begin(out, "items", '[');
	for (size_t i = start; i < end; i++)
		admin_json_put_raw(
			out, NULL, slice_of(list->items[i].json, list->items[i].json_len));
	admin_json_end(out, ']');
	if (end < list->count)
		admin_json_put_text(out, "next", slice_from_str(list->items[end - 1].cursor));
	else
		admin_json_put_null(out, "next");
	admin_json_end(out, '}');
}

void admin_list_answer(
	struct admin_list *list, struct admin_context *c, int err, struct admin_reply *reply)
{
	if (err) {
		admin_refuse_store(reply, err, db_error(c->db));
	} else {
		if (list->count)
			qsort(list->items, list->count, sizeof(*list->items), admin_list_compare);
		admin_list_write(list, &reply->body);
		admin_answer(reply, 200);
	}
	admin_list_free(list);
}
