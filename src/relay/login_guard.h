/*
 * What keeps guessers from the page where machines are let in: so many wrong attempts of one
 * source, and for one account, in a minute. For any thread.
 */
#ifndef RELAY_LOGIN_GUARD_H
#define RELAY_LOGIN_GUARD_H

#include <stdint.h>

#include "base/slice.h"

struct login_guard;

struct login_guard *login_guard_new(void);
void login_guard_free(struct login_guard **g);
/*
 * Counts an attempt as a wrong one until login_guard_succeed says otherwise, so that many at once
 * are not each the first. Returns in how many milliseconds it may be made instead; 0: now.
 */
uint64_t login_guard_try(
	struct login_guard *g, struct slice address, struct slice account, uint64_t now_ms);
/* It was right: forgets what source and account had done. */
void login_guard_succeed(struct login_guard *g, struct slice address, struct slice account);

#endif
