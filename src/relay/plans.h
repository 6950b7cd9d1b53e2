/*
 * What accounts and tunnels may have, by plan. Read from the file that --plans names, as one whole;
 * immutable afterwards, and part of the configuration: a reload makes new ones.
 */
#ifndef RELAY_PLANS_H
#define RELAY_PLANS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/slice.h"

#define PLANS_MAX 32u
#define PLAN_NAME_MAX 32u
#define PLAN_UNLIMITED UINT64_MAX

struct plans;

/* PLAN_UNLIMITED in a member: no limit. */
struct plan {
	unsigned index; /* below PLANS_MAX; the same name may have another one after a reload */
	char name[PLAN_NAME_MAX + 1];
	/* of an account; of an address, for tunnels without one */
	uint64_t tunnels;
	uint64_t names; /* reserved ones */
	uint64_t password_tunnels;
	uint64_t monthly_bytes; /* both directions; of accounts only */
	/* of a tunnel */
	uint64_t requests_per_minute;
	uint64_t visitors; /* at a time */
	uint64_t bandwidth; /* bytes a second, both directions */
	uint64_t idle_ms; /* without a visitor for so long, it ends */
};

/* NULL everywhere stands for one unlimited plan. */
/* file is the name for messages, which have the form "file:line: sentence". */
MUST_CHECK int plans_parse(
	const char *file, struct slice text, struct plans **plans_out, struct buf *message);
/* What --plans says: "standard", or a file; NULL gives NULL. */
MUST_CHECK int plans_load(const char *option, struct plans **plans_out, struct buf *message);
void plans_free(struct plans **plans);

/* The plan of an account; the default one when the name is empty, or is that of no plan any more.
 */
const struct plan *plans_get(const struct plans *plans, struct slice name);
bool plans_has(const struct plans *plans, struct slice name);
/* That of tunnels without an account. */
const struct plan *plans_anonymous(const struct plans *plans);
/* In the order of the file; NULL behind the last one. */
const struct plan *plans_at(const struct plans *plans, size_t index);
/* Whether any limit of it is one of tunnels or needs counting of what they carry. */
bool plan_limits_tunnels(const struct plan *plan);

#endif
