/* The page where a machine is let in, in each of its states. A whole answer; pure. */
#ifndef RELAY_LOGIN_PAGE_H
#define RELAY_LOGIN_PAGE_H

#include "base/buf.h"
#include "base/slice.h"

struct reply;

#define LOGIN_PATH "/_adit/device"

enum login_view {
	LOGIN_SIGN_IN, /* code, account, password */
	LOGIN_WRONG, /* the same, after something was wrong */
	LOGIN_BLOCKED, /* the same, after too much was */
	LOGIN_BUSY, /* the same, because the relay has too much to do */
	LOGIN_FORGED, /* the same, because the form is not ours or too old */
	LOGIN_DECIDE, /* what asks: approve or deny */
	LOGIN_APPROVED,
	LOGIN_DENIED,
	LOGIN_OVER, /* it was decided or ran out meanwhile */
	LOGIN_FAILED, /* no key could be made */
};

/* All borrowed; empty where a view has no use for it. */
struct login_page {
	enum login_view view;
	struct slice host; /* of the relay */
	struct slice csrf;
	struct slice code;
	struct slice account;
	struct slice machine;
	struct slice address;
	struct slice proof; /* that the password was right */
	struct slice problem; /* LOGIN_FAILED: why */
	unsigned retry_after_s;
};

/* Completes the reply, whose connection part is there already, and writes it. */
void login_page_write(struct buf *out, const struct login_page *page, struct reply *reply);

#endif
