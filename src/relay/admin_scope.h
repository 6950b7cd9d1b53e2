/* What a key may at the API, seen from its scope: nobody gets more out of a key than it has. */
#ifndef RELAY_ADMIN_SCOPE_H
#define RELAY_ADMIN_SCOPE_H

#include <stdbool.h>

#include "base/slice.h"

struct book_grant;
struct key;

/* It may everything that its account may, for ever: it may make others, and set the password. */
bool admin_scope_is_whole(const struct book_grant *grant);
/* Whether all that the new key may, this one may too. */
bool admin_scope_covers(const struct book_grant *grant, const struct key *k);
/* Blank-separated patterns of [a-z0-9*-], or nothing. */
bool admin_scope_are_patterns(struct slice names);

#endif
