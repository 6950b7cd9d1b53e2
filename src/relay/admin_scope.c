/* Comparing scopes. Pure. */
#include "relay/admin_scope.h"

#include "base/glob.h"
#include "relay/name.h"
#include "store/book.h"

bool admin_scope_is_whole(const struct book_grant *grant)
{
	const struct key_scope *s = &grant->scope;

	return s->admin ||
		(!*s->names && s->http && s->tcp && !s->port_first && !s->port_last &&
			!grant->expires_ms);
}

static bool admin_scope_has_pattern(struct slice names, struct slice pattern)
{
	struct slice mine;

	while (glob_next(&names, &mine)) {
		if (slice_eq(mine, pattern))
			return true;
	}
	return false;
}

/* Whether one pattern is within another is not worked out: each of theirs is one of mine, or a
 * plain name that one of mine matches. */
static bool admin_scope_covers_names(const struct key_scope *mine, const struct key_scope *theirs)
{
	struct slice own = slice_from_str(mine->names), rest = slice_from_str(theirs->names),
		     pattern;

	while (glob_next(&rest, &pattern)) {
		bool plain = slice_find(pattern, '*') == pattern.len;

		if (!admin_scope_has_pattern(own, pattern) &&
			!(plain && glob_match_any(own, pattern)))
			return false;
	}
	return *theirs->names != '\0';
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
	return !*mine->names || admin_scope_covers_names(mine, theirs);
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
