/* Reads the body a second time, before the handler does. */
#include "relay/admin_plan.h"

#include "relay/admin_json.h"
#include "relay/plans.h"

/* Of the account in the body, or of who asks. */
static uint64_t admin_plan_names(const struct admin_request *q, const struct plans *plans,
	struct book *book, const struct admin_json *body)
{
	struct slice name = admin_json_text(admin_json_get(body, "account"));
	struct account a;

	if (!name.len)
		return plans_get(plans, slice_from_str(q->who.grant.plan))->names;
	if (!book_find_account_named(book, name, &a))
		return 0;
	return plans_get(plans, slice_from_str(a.plan))->names;
}

void admin_plan_note(struct admin_request *q, const struct plans *plans, struct book *book)
{
	struct admin_json *body = q->body.len ? admin_json_parse(q->body) : NULL;
	struct slice plan = admin_json_text(admin_json_get(body, "plan"));

	q->plan_is_unknown = plan.len > 0 && !plans_has(plans, plan);
	q->name_limit = admin_plan_names(q, plans, book, body);
	admin_json_free(&body);
}

static void admin_plan_put(struct buf *out, const char *name, uint64_t limit)
{
	if (limit == PLAN_UNLIMITED)
		admin_json_put_null(out, name);
	else
		admin_json_put_number(out, name, limit);
}

void admin_plan_write(struct buf *out, const struct plan *plan)
{
	admin_json_begin(out, "limits", '{');
	admin_plan_put(out, "tunnels", plan->tunnels);
	admin_plan_put(out, "names", plan->names);
	admin_plan_put(out, "password_tunnels", plan->password_tunnels);
	admin_plan_put(out, "monthly_bytes", plan->monthly_bytes);
	admin_plan_put(out, "requests_per_minute", plan->requests_per_minute);
	admin_plan_put(out, "visitors", plan->visitors);
	admin_plan_put(out, "bandwidth", plan->bandwidth);
	admin_plan_put(out, "idle_ms", plan->idle_ms);
	admin_json_end(out, '}');
}
