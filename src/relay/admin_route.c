/* Matching segment by segment. */
#include "relay/admin_route.h"

#include <stdio.h>

#include "proto/http_host.h"
#include "relay/admin_accounts.h"
#include "relay/admin_device.h"
#include "relay/admin_guard.h"
#include "relay/admin_keys.h"
#include "relay/admin_me.h"
#include "relay/admin_names.h"
#include "relay/admin_reports.h"
#include "relay/admin_share.h"
#include "relay/admin_tunnels.h"

static const struct admin_route admin_routes[] = {
#define ADMIN_ROUTE(method, pattern, handler, flags) {HTTP_##method, pattern, handler, flags},
#include "relay/admin_route.def"
#undef ADMIN_ROUTE
};

bool admin_route_is_below(struct slice path, struct slice *below_out)
{
	struct slice prefix = SLICE(ADMIN_PREFIX);

	if (!slice_starts(path, prefix) || (path.len > prefix.len && path.ptr[prefix.len] != '/'))
		return false;
	*below_out = slice_from(path, prefix.len);
	return true;
}

static bool admin_route_is_hole(struct slice segment)
{
	return slice_starts(segment, SLICE("{"));
}

/* Fills in the parameter; a segment that is no text (a bad escape, a NUL, too long) fits nothing.
 */
static bool admin_route_take(struct slice segment, char param[ADMIN_PARAM_MAX + 1])
{
	size_t len;

	if (http_percent_decode(segment, param, ADMIN_PARAM_MAX, &len) != 0 || !len)
		return false;
	param[len] = '\0';
	return strlen(param) == len;
}

static bool admin_route_fits(
	const char *pattern, struct slice path, char param[ADMIN_PARAM_MAX + 1])
{
	struct slice left = slice_from_str(pattern), want, have;

	while (slice_split(&left, '/', &want)) {
		if (!slice_split(&path, '/', &have))
			return false;
		if (admin_route_is_hole(want) ? !admin_route_take(have, param)
					      : !slice_eq(want, have))
			return false;
	}
	return !path.len;
}

/* "GET, POST". */
static void admin_route_print_methods(unsigned methods, char out[ADMIN_ALLOW_MAX])
{
	static const struct {
		enum http_method method;
		const char *name;
	} rows[] = {{HTTP_GET, "GET"}, {HTTP_POST, "POST"}, {HTTP_PATCH, "PATCH"},
		{HTTP_DELETE, "DELETE"}};
	size_t len = 0;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (methods >> rows[i].method & 1)
			len += (size_t)snprintf(out + len, ADMIN_ALLOW_MAX - len, "%s%s",
				len ? ", " : "", rows[i].name);
	}
}

static void admin_route_refuse(unsigned methods, struct admin_reply *reply)
{
	if (!methods) {
		admin_refuse(reply, API_ERROR_NOT_FOUND, "The API has no such path.");
		return;
	}
	admin_route_print_methods(methods, reply->allow);
	admin_refuse_method(reply);
}

bool admin_route_may(
	const struct admin_route *route, const struct admin_request *q, struct admin_reply *reply)
{
	const struct admin_who *who = &q->who;

	if ((route->flags & ADMIN_ANYONE) || who->admin)
		return true;
	if (!who->grant.account_id) {
		admin_refuse(reply, API_ERROR_NOT_AUTHENTICATED,
			"A key is needed here: Authorization: Bearer adit_...");
		return false;
	}
	if (route->flags & ADMIN_ADMINS) {
		admin_refuse(
			reply, API_ERROR_NOT_ALLOWED, "This needs a key with the admin scope.");
		return false;
	}
	return true;
}

const struct admin_route *admin_route_find(struct admin_request *q, struct admin_reply *reply)
{
	/* HEAD is GET whose body is not sent. */
	enum http_method method = q->method == HTTP_HEAD ? HTTP_GET : q->method;
	unsigned methods = 0;

	for (size_t i = 0; i < ARRAY_LEN(admin_routes); i++) {
		const struct admin_route *route = &admin_routes[i];

		if (!admin_route_fits(route->pattern, q->path, q->param))
			continue;
		if (route->method == method)
			return admin_route_may(route, q, reply) ? route : NULL;
		methods |= 1u << route->method;
	}
	admin_route_refuse(methods, reply);
	return NULL;
}
