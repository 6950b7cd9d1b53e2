/* What adit doctor asks the relay's API: whose key this is, and how far the two clocks are apart.
 */
#ifndef AGENT_DOCTOR_ACCOUNT_H
#define AGENT_DOCTOR_ACCOUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

struct buf;
struct doctor_account;
struct doctor_local_events;
struct loop;
struct uplink_request;

/*
 * The way is copied, what it borrows stays borrowed until done. Without a key only the clocks are
 * looked at.
 */
struct doctor_account *doctor_account_new(struct loop *loop, const struct uplink_request *way,
	const char *key, const struct doctor_local_events *events, void *ctx);
/* After done, and not inside of it. */
void doctor_account_free(struct doctor_account **account);

#define DOCTOR_ACCOUNT_SKEW_S 30u /* what signatures and certificates can do with */
/* Appends "0 s ahead of the relay's" and the like; false: it is too much. Pure. */
bool doctor_account_print_skew(uint64_t here_s, uint64_t there_s, struct buf *out);

#endif
