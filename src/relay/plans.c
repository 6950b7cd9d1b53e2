/*
 * Plans are rows of the option table below, so their values are checked like options. The plans
 * that come with the program are a text like any other.
 */
#include "relay/plans.h"

#include <stddef.h>

#include "base/err.h"
#include "base/mem.h"
#include "config/conf_file.h"
#include "config/opt_value.h"
#include "config/yaml_walk.h"

#define PLANS_FILE_MAX (1u << 20)
#define PLAN_IDLE_MIN_MS 1000u
#define PLAN_BANDWIDTH_MIN 8192u /* so that no read is paid for longer than some seconds */
#define PLAN_BANDWIDTH_MAX (UINT64_C(1) << 40)
#define PLAN_DAY_MS 86400000u

struct plans {
	struct plan list[PLANS_MAX];
	unsigned count;
	unsigned standard; /* index of the default one */
	unsigned anonymous;
};

#define PLAN_OPT(kind, field, flag, least, most)                                                   \
	{                                                                                          \
		.name = flag, .min = least, .max = most, .offset = offsetof(struct plan, field),   \
		.size = sizeof(((struct plan *)NULL)->field), .type = OPT_##kind                   \
	}

static const struct opt plan_opts[] = {
	PLAN_OPT(INT, tunnels, "tunnels", 0, 1000000),
	PLAN_OPT(INT, names, "names", 0, 1000000),
	PLAN_OPT(INT, password_tunnels, "password-tunnels", 0, 1000000),
	PLAN_OPT(SIZE, monthly_bytes, "monthly-bytes", 0, UINT64_MAX),
	PLAN_OPT(INT, requests_per_minute, "requests-per-minute", 1, 10000000),
	PLAN_OPT(INT, visitors, "visitors", 1, 10000000),
	PLAN_OPT(SIZE, bandwidth, "bandwidth", PLAN_BANDWIDTH_MIN, PLAN_BANDWIDTH_MAX),
	PLAN_OPT(MS, idle_ms, "idle", PLAN_IDLE_MIN_MS, 365 * (uint64_t)PLAN_DAY_MS),
};

static const struct opt_table plan_table = {plan_opts, ARRAY_LEN(plan_opts), NULL};

/* Where there are no plans. */
static const struct plan plans_none = {
	.name = "unlimited",
	.tunnels = PLAN_UNLIMITED,
	.names = PLAN_UNLIMITED,
	.password_tunnels = PLAN_UNLIMITED,
	.monthly_bytes = PLAN_UNLIMITED,
	.requests_per_minute = PLAN_UNLIMITED,
	.visitors = PLAN_UNLIMITED,
	.bandwidth = PLAN_UNLIMITED,
	.idle_ms = PLAN_UNLIMITED,
};

static const char plans_standard[] = "default: free\n"
				     "anonymous: free\n"
				     "plans:\n"
				     "  free:\n"
				     "    tunnels: 1\n"
				     "    names: 0\n"
				     "    password-tunnels: 1\n"
				     "    requests-per-minute: 60\n"
				     "    idle: 2h\n"
				     "  starter:\n"
				     "    tunnels: 2\n"
				     "    names: 0\n"
				     "    password-tunnels: 2\n"
				     "    requests-per-minute: 300\n"
				     "  pro:\n"
				     "    tunnels: 5\n"
				     "    names: 10\n"
				     "    requests-per-minute: 1000\n"
				     "  team:\n"
				     "    tunnels: 10\n"
				     "    names: 20\n"
				     "    requests-per-minute: 2000\n";

/* ---- reading ---- */

struct plans_reader {
	const char *file;
	struct plans *out;
	struct buf *message;
	bool in_plans; /* the key of depth 0 that we are below */
	bool has_plans;
	unsigned seen; /* bits of options by their index, of the plan that is read */
	size_t default_line; /* 0: not given */
	size_t anonymous_line;
	char default_name[PLAN_NAME_MAX + 1];
	char anonymous_name[PLAN_NAME_MAX + 1];
};

/* The words of a message follow. */
static struct buf *plans_at_line(struct plans_reader *r, size_t line)
{
	buf_printf(r->message, "%s:%zu: ", r->file, line);
	return r->message;
}

static struct plan *plans_add(struct plans *p, struct slice name)
{
	struct plan *plan = &p->list[p->count];

	for (size_t i = 0; i < plan_table.count; i++)
		*(uint64_t *)((char *)plan + plan_opts[i].offset) = PLAN_UNLIMITED;
	plan->index = p->count++;
	slice_to_str(name, plan->name, sizeof(plan->name));
	return plan;
}

static const struct plan *plans_find(const struct plans *p, struct slice name)
{
	for (unsigned i = 0; i < p->count; i++) {
		if (slice_eq(slice_from_str(p->list[i].name), name))
			return &p->list[i];
	}
	return NULL;
}

static int plans_begin(struct plans_reader *r, const struct yaml_item *item)
{
	if (!item->key.len || item->key.len > PLAN_NAME_MAX || !slice_is_token(item->key)) {
		buf_printf(plans_at_line(r, item->line),
			"a plan's name has 1 to %u letters, digits, - and _", PLAN_NAME_MAX);
		return ERR_SYNTAX;
	}
	if (plans_find(r->out, item->key)) {
		buf_append_str(plans_at_line(r, item->line), "there are two plans ");
		opt_quote(r->message, item->key);
		return ERR_EXISTS;
	}
	if (r->out->count == PLANS_MAX) {
		buf_printf(plans_at_line(r, item->line), "there are more than %u plans", PLANS_MAX);
		return ERR_LIMIT;
	}
	if (!item->is_mapping && item->value.len) {
		buf_append_str(plans_at_line(r, item->line), "limits are expected below ");
		opt_quote(r->message, item->key);
		return ERR_SYNTAX;
	}
	r->seen = 0;
	plans_add(r->out, item->key);
	return 0;
}

static int plans_unknown(
	struct plans_reader *r, const struct yaml_item *item, const struct opt_table *known)
{
	const char *near = NULL;

	buf_append_str(plans_at_line(r, item->line), "unknown key ");
	opt_quote(r->message, item->key);
	for (size_t i = 0; known && i < known->count; i++) {
		if (opt_is_near(item->key, slice_from_str(known->opts[i].name)))
			near = known->opts[i].name;
	}
	if (near)
		buf_printf(r->message, "; did you mean %s?", near);
	else
		buf_append_str(
			r->message, known ? "" : " (default, anonymous and plans stand here)");
	return ERR_SYNTAX;
}

static int plans_limit(struct plans_reader *r, const struct yaml_item *item)
{
	const struct opt *o = opt_find(&plan_table, item->key);
	struct plan *plan = &r->out->list[r->out->count - 1];
	struct buf why = {0};
	unsigned bit;
	int err = 0;

	if (!o)
		return plans_unknown(r, item, &plan_table);
	bit = 1u << opt_index(&plan_table, o);
	if (r->seen & bit) {
		buf_printf(plans_at_line(r, item->line), "%s is set twice", o->name);
		return ERR_EXISTS;
	}
	r->seen |= bit;
	if (item->is_mapping || !item->value.len) {
		buf_printf(plans_at_line(r, item->line), "a value is expected behind %s", o->name);
		return ERR_SYNTAX;
	}
	if (!slice_eq(item->value, SLICE("unlimited")))
		err = opt_value_store(o, plan, item->value, &why);
	if (err)
		buf_printf(plans_at_line(r, item->line), "%s: %.*s%s", o->name,
			SLICE_ARG(buf_slice(&why)), err == ERR_SYNTAX ? ", or unlimited" : "");
	buf_release(&why);
	return err;
}

/* "default: free": whether there is such a plan is known at the end. */
static int plans_reference(
	struct plans_reader *r, const struct yaml_item *item, size_t *line, char *name)
{
	if (*line) {
		buf_printf(plans_at_line(r, item->line), "%.*s is set twice", SLICE_ARG(item->key));
		return ERR_EXISTS;
	}
	if (item->is_mapping || !item->value.len || item->value.len > PLAN_NAME_MAX) {
		buf_printf(plans_at_line(r, item->line),
			"the name of a plan is expected behind %.*s", SLICE_ARG(item->key));
		return ERR_SYNTAX;
	}
	*line = item->line;
	slice_to_str(item->value, name, PLAN_NAME_MAX + 1);
	return 0;
}

static int plans_top(struct plans_reader *r, const struct yaml_item *item)
{
	r->in_plans = slice_eq(item->key, SLICE("plans"));
	if (slice_eq(item->key, SLICE("default")))
		return plans_reference(r, item, &r->default_line, r->default_name);
	if (slice_eq(item->key, SLICE("anonymous")))
		return plans_reference(r, item, &r->anonymous_line, r->anonymous_name);
	if (!r->in_plans)
		return plans_unknown(r, item, NULL);
	if (r->has_plans || !item->is_mapping) {
		buf_append_str(plans_at_line(r, item->line),
			r->has_plans ? "plans is set twice"
				     : "plans needs names below it: \"free: {tunnels: 1}\"");
		return ERR_SYNTAX;
	}
	r->has_plans = true;
	return 0;
}

static int plans_visit(void *ctx, const struct yaml_item *item)
{
	struct plans_reader *r = ctx;

	if (item->is_list) {
		buf_append_str(plans_at_line(r, item->line), "lists have no meaning here");
		return ERR_SYNTAX;
	}
	if (item->depth == 0)
		return plans_top(r, item);
	return item->depth == 1 ? plans_begin(r, item) : plans_limit(r, item);
}

/* The name "unlimited" is a plan without limits, unless the file has one of that name. */
static int plans_resolve(struct plans_reader *r, size_t line, const char *name, unsigned *index_out)
{
	const struct plan *plan = plans_find(r->out, slice_from_str(name));

	if (!plan && strcmp(name, "unlimited") == 0 && r->out->count < PLANS_MAX)
		plan = plans_add(r->out, slice_from_str(name));
	if (!plan) {
		buf_append_str(plans_at_line(r, line), "there is no plan ");
		opt_quote(r->message, slice_from_str(name));
		return ERR_NOT_FOUND;
	}
	*index_out = plan->index;
	return 0;
}

static int plans_finish(struct plans_reader *r)
{
	int err;

	if (!r->out->count) {
		buf_printf(r->message,
			"%s: there are no plans in it: \"plans: {free: {tunnels: 1}}\"", r->file);
		return ERR_SYNTAX;
	}
	if (!r->default_line) {
		buf_printf(r->message,
			"%s: it does not say which plan accounts have: \"default: %s\"", r->file,
			r->out->list[0].name);
		return ERR_SYNTAX;
	}
	err = plans_resolve(r, r->default_line, r->default_name, &r->out->standard);
	r->out->anonymous = r->out->standard;
	if (!err && r->anonymous_line)
		err = plans_resolve(r, r->anonymous_line, r->anonymous_name, &r->out->anonymous);
	return err;
}

int plans_parse(const char *file, struct slice text, struct plans **plans_out, struct buf *message)
{
	struct plans_reader reader = {.file = file, .message = message};
	const struct yaml_visitor visitor = {plans_visit, &reader};
	int err;

	reader.out = MEM_NEW(struct plans);
	err = yaml_walk(&visitor, file, text, message);
	if (!err)
		err = plans_finish(&reader);
	if (err)
		plans_free(&reader.out);
	*plans_out = reader.out;
	return err;
}

/* ---- having ---- */

int plans_load(const char *option, struct plans **plans_out, struct buf *message)
{
	struct buf content = {0}, why = {0};
	int err;

	*plans_out = NULL;
	if (!option)
		return 0;
	if (strcmp(option, "standard") == 0)
		return plans_parse(option, slice_from_str(plans_standard), plans_out, message);
	err = conf_file_read(option, PLANS_FILE_MAX, &content, &why);
	if (err)
		buf_printf(message, "--plans: %s: cannot be read: %.*s", option,
			SLICE_ARG(buf_slice(&why)));
	else
		err = plans_parse(option, buf_slice(&content), plans_out, message);
	buf_release(&content);
	buf_release(&why);
	return err;
}

void plans_free(struct plans **plans)
{
	mem_free(*plans);
	*plans = NULL;
}

const struct plan *plans_get(const struct plans *plans, struct slice name)
{
	const struct plan *plan;

	if (!plans)
		return &plans_none;
	plan = name.len ? plans_find(plans, name) : NULL;
	return plan ? plan : &plans->list[plans->standard];
}

bool plans_has(const struct plans *plans, struct slice name)
{
	if (!plans)
		return slice_eq(name, slice_from_str(plans_none.name));
	return plans_find(plans, name) != NULL;
}

const struct plan *plans_anonymous(const struct plans *plans)
{
	return plans ? &plans->list[plans->anonymous] : &plans_none;
}

const struct plan *plans_at(const struct plans *plans, size_t index)
{
	if (!plans)
		return index ? NULL : &plans_none;
	return index < plans->count ? &plans->list[index] : NULL;
}

bool plan_limits_tunnels(const struct plan *plan)
{
	return plan->requests_per_minute != PLAN_UNLIMITED || plan->visitors != PLAN_UNLIMITED ||
		plan->bandwidth != PLAN_UNLIMITED || plan->idle_ms != PLAN_UNLIMITED ||
		plan->monthly_bytes != PLAN_UNLIMITED;
}
