/* Reading only. */
#include "relay/admin_reports.h"

#include <stdio.h>

#include "base/num.h"
#include "relay/admin_json.h"
#include "relay/admin_list.h"
#include "store/db.h"
#include "store/ledger_audit.h"
#include "store/ledger_usage.h"

#define ADMIN_AUDIT_DIGITS 18u /* of a row's number: more than any store has */

/* ---- usage ---- */

static int admin_usage_on_each(void *ctx, const struct usage *u)
{
	struct admin_list *list = ctx;
	struct account a = {0};
	struct buf json = {0};
	char cursor[RECORD_ACCOUNT_MAX + 16];

	if (!admin_list_shows(list, u->account_id, &a))
		return 0;
	admin_json_begin(&json, NULL, '{');
	admin_json_put_text(&json, "account", slice_from_str(a.name));
	admin_json_put_text(&json, "month", slice_from_str(u->month));
	admin_json_put_number(&json, "bytes_in", u->bytes_in);
	admin_json_put_number(&json, "bytes_out", u->bytes_out);
	admin_json_put_number(&json, "requests", u->requests);
	admin_json_end(&json, '}');
	snprintf(cursor, sizeof(cursor), "%s %s", u->month, a.name);
	admin_list_add(list, cursor, &json);
	buf_release(&json);
	return 0;
}

void admin_usage_list(
	struct admin_context *c, const struct admin_request *q, struct admin_reply *reply)
{
	uint64_t account_id = q->who.admin ? 0 : q->who.grant.account_id;
	struct admin_list list;

	if (admin_list_begin_owned(&list, c, q, reply))
		admin_list_answer(&list, c,
			ledger_usage(c->db, account_id, admin_usage_on_each, &list), reply);
}

/* ---- audit ---- */

struct admin_audit_page {
	struct buf *out;
	uint64_t limit;
	uint64_t count;
	uint64_t last_id;
};

static int admin_audit_on_each(void *ctx, const struct audit *a)
{
	struct admin_audit_page *page = ctx;

	/* One more than the page was asked for, to know whether there is another. */
	if (page->count++ >= page->limit)
		return 0;
	page->last_id = a->id;
	admin_json_begin(page->out, NULL, '{');
	admin_json_put_number(page->out, "id", a->id);
	admin_json_put_time(page->out, "at", a->at_ms);
	admin_json_put_text(page->out, "actor", slice_from_str(a->actor));
	admin_json_put_text(page->out, "event", slice_from_str(a->event));
	admin_json_put_text(page->out, "subject", slice_from_str(a->subject));
	admin_json_put_text(page->out, "address", slice_from_str(a->address));
	if (a->detail)
		admin_json_put_raw(page->out, "detail", slice_from_str(a->detail));
	else
		admin_json_put_null(page->out, "detail");
	admin_json_end(page->out, '}');
	return 0;
}

void admin_audit_list(
	struct admin_context *c, const struct admin_request *q, struct admin_reply *reply)
{
	struct admin_audit_page page = {.out = &reply->body};
	struct admin_page asked;
	char next[NUM_TEXT_MAX];
	uint64_t before = 0;
	int err;

	if (!admin_page_of(q, &asked, reply))
		return;
	if (*asked.after &&
		(strlen(asked.after) > ADMIN_AUDIT_DIGITS ||
			num_parse_u64(slice_from_str(asked.after), &before) != 0)) {
		admin_refuse(reply, API_ERROR_INVALID_REQUEST,
			"after must be what the page before gave as next.");
		return;
	}
	page.limit = asked.limit;
	admin_json_begin(&reply->body, NULL, '{');
	admin_json_begin(&reply->body, "items", '[');
	err = ledger_audits(c->db, before, page.limit + 1, admin_audit_on_each, &page);
	if (err) {
		admin_refuse_store(reply, err, db_error(c->db));
		return;
	}
	admin_json_end(&reply->body, ']');
	if (page.count > page.limit)
		admin_json_put_text(
			&reply->body, "next", slice_of(next, num_print_u64(page.last_id, next)));
	else
		admin_json_put_null(&reply->body, "next");
	admin_json_end(&reply->body, '}');
	admin_answer(reply, 200);
}
