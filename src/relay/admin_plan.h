/*
 * What plans have to do with a request. They are part of the options, which only the thread that
 * took the request may look at; what handlers need of them is noted in the request.
 */
#ifndef RELAY_ADMIN_PLAN_H
#define RELAY_ADMIN_PLAN_H

#include "relay/admin.h"

struct plan;
struct plans;

/* Notes whether the plan that the body names exists, and how many names the account may reserve. */
void admin_plan_note(struct admin_request *q, const struct plans *plans, struct book *book);
/* The member "limits": numbers, or null where there is none. */
void admin_plan_write(struct buf *out, const struct plan *plan);

#endif
