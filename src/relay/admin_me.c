/* One object about the asker. */
#include "relay/admin_me.h"

#include "relay/admin_json.h"
#include "relay/admin_keys.h"
#include "relay/admin_plan.h"
#include "relay/plans.h"

static void admin_me_write_key(struct buf *out, struct book *book, const struct book_grant *grant)
{
	struct key k = {0};

	book_find_key(book, slice_from_str(grant->key_id), &k);
	admin_json_begin(out, "key", '{');
	admin_json_put_text(out, "id", slice_from_str(grant->key_id));
	admin_json_put_text(out, "label", slice_from_str(k.label));
	admin_keys_write_scope(out, &grant->scope);
	admin_json_put_time(out, "expires_at", grant->expires_ms);
	admin_json_end(out, '}');
}

void admin_me_get(struct admin_context *c, const struct admin_request *q, struct admin_reply *reply)
{
	const struct book_grant *grant = &q->who.grant;
	struct buf *out = &reply->body;

	admin_json_begin(out, NULL, '{');
	admin_json_put_bool(out, "operator", q->who.is_operator);
	admin_json_put_bool(out, "admin", q->who.admin);
	if (grant->account_id) {
		admin_json_put_text(out, "account", slice_from_str(grant->account));
		admin_json_put_text(out, "plan",
			slice_from_str(plans_get(c->plans, slice_from_str(grant->plan))->name));
		admin_me_write_key(out, c->book, grant);
		admin_json_put_number(
			out, "reserved_names", book_reserved_count(c->book, grant->account_id));
		admin_plan_write(out, plans_get(c->plans, slice_from_str(grant->plan)));
	} else {
		admin_json_put_null(out, "limits");
		admin_json_put_null(out, "account");
		admin_json_put_null(out, "plan");
		admin_json_put_null(out, "key");
		admin_json_put_number(out, "reserved_names", 0);
	}
	admin_json_end(out, '}');
	admin_answer(reply, 200);
}
