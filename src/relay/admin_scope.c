/* Comparing scopes. Pure. */
#include "relay/admin_scope.h"

#include "relay/name.h"
#include "store/book.h"

bool admin_scope_is_whole(const struct book_grant *grant)
{
	const struct key_scope *s = &grant->scope;

	return s->admin ||
		(!*s->names && s->http && s->tcp && !s->port_first && !s->port_last &&
			!grant->expires_ms);
}

bool admin_scope_covers(const struct book_grant *grant, const struct key *k)
{
	const struct key_scope *mine = &grant->scope, *theirs = &k->scope;
	bool any_port = !mine->port_first && !mine->port_last;
	bool ports = any_port ||
		(theirs->port_first >= mine->port_first && theirs->port_last <= mine->port_last);

	if (mine->admin)
		return true;
	if (theirs->admin || (theirs->http && !mine->http) || (theirs->tcp && !mine->tcp) || !ports)
		return false;
	if (grant->expires_ms && (!k->expires_ms || k->expires_ms > grant->expires_ms))
		return false;
	/* Whether one pattern is within another is not worked out: the same ones are. */
	return !*mine->names ||
		slice_eq(slice_from_str(mine->names), slice_from_str(theirs->names));
}

static bool admin_scope_is_pattern(struct slice pattern)
{
	for (size_t i = 0; i < pattern.len; i++) {
		char c = pattern.ptr[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-' && c != '*')
			return false;
	}
	return pattern.len > 0 && pattern.len <= NAME_MAX_LEN;
}

bool admin_scope_are_patterns(struct slice names)
{
	struct slice pattern;

	while (names.len && slice_split(&names, ' ', &pattern)) {
		if (!admin_scope_is_pattern(pattern))
			return false;
	}
	return true;
}
