/* Which path leads where, and who may go there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "relay/admin_route.h"

static struct admin_request request(enum http_method method, const char *path)
{
	return (struct admin_request) {.method = method, .path = slice_from_str(path)};
}

static const struct admin_route *find(struct admin_request *q, struct admin_reply *reply)
{
	const struct admin_route *route;

	*reply = (struct admin_reply) {0};
	route = admin_route_find(q, reply);
	buf_release(&reply->body);
	return route;
}

static void paths_lead_to_their_routes(void **state)
{
	struct admin_request q = request(HTTP_GET, "/accounts/alice");
	const struct admin_route *route;
	struct admin_reply reply;

	q.who.admin = true;
	route = find(&q, &reply);
	assert_non_null(route);
	assert_string_equal(route->pattern, "/accounts/{name}");
	assert_string_equal(q.param, "alice");
	q.path = SLICE("/tunnels/tcp%3A2000/");
	assert_string_equal(find(&q, &reply)->pattern, "/tunnels/{name}");
	assert_string_equal(q.param, "tcp:2000");
	q.method = HTTP_HEAD;
	q.path = SLICE("/keys");
	assert_string_equal(find(&q, &reply)->pattern, "/keys");
}

static void what_is_no_path_is_not_found(void **state)
{
	static const char *const paths[] = {"", "/", "//", "/account", "/accounts/a/b",
		"/accounts//", "/accounts/%00", "/accounts/%zz", "/device/tokens", "accounts"};
	struct admin_reply reply;

	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		struct admin_request q = request(HTTP_GET, paths[i]);

		q.who.admin = true;
		assert_null(find(&q, &reply));
		assert_int_equal(reply.status, 404);
	}
}

static void another_method_is_told_which_there_are(void **state)
{
	struct admin_request q = request(HTTP_PUT, "/accounts");
	struct admin_reply reply;

	q.who.admin = true;
	assert_null(find(&q, &reply));
	assert_int_equal(reply.status, 405);
	assert_string_equal(reply.allow, "GET, POST");
	q.path = SLICE("/tunnels/x");
	assert_null(find(&q, &reply));
	assert_int_equal(reply.status, 405);
}

static void every_path_tells_its_methods(void **state)
{
	static const char *const patterns[] = {
#define ADMIN_ROUTE(method, pattern, handler, flags) pattern,
#include "relay/admin_route.def"
#undef ADMIN_ROUTE
	};
	struct admin_reply reply;

	for (size_t i = 0; i < ARRAY_LEN(patterns); i++) {
		struct admin_request q = request(HTTP_TRACE, patterns[i]);

		q.who.admin = true;
		assert_null(find(&q, &reply));
		assert_int_equal(reply.status, 405);
		assert_true(strlen(reply.allow) > 2);
	}
	struct admin_request q = request(HTTP_TRACE, "/keys/x");

	assert_null(find(&q, &reply));
	assert_string_equal(reply.allow, "PATCH, DELETE");
}

static void who_may_not_does_not_get_there(void **state)
{
	struct admin_request q = request(HTTP_GET, "/audit");
	struct admin_reply reply;

	assert_null(find(&q, &reply));
	assert_int_equal(reply.status, 401);
	q.who.grant.account_id = 1;
	assert_null(find(&q, &reply));
	assert_int_equal(reply.status, 403);
	q.path = SLICE("/keys");
	assert_non_null(find(&q, &reply));
	q.who.grant.account_id = 0;
	q.who.admin = true;
	q.path = SLICE("/audit");
	assert_non_null(find(&q, &reply));
	q = request(HTTP_POST, "/device");
	assert_non_null(find(&q, &reply));
}

static void the_prefix_ends_at_a_slash(void **state)
{
	struct slice below;

	assert_true(admin_route_is_below(SLICE("/api/v1"), &below));
	assert_int_equal(below.len, 0);
	assert_true(admin_route_is_below(SLICE("/api/v1/me"), &below));
	assert_true(slice_eq(below, SLICE("/me")));
	assert_false(admin_route_is_below(SLICE("/api/v10"), &below));
	assert_false(admin_route_is_below(SLICE("/api/tunnels"), &below));
}

static void a_page_is_read_from_the_query(void **state)
{
	struct admin_request q = request(HTTP_GET, "/keys");
	struct admin_reply reply = {0};
	struct admin_page page;

	assert_true(admin_page_of(&q, &page, &reply));
	assert_int_equal(page.limit, ADMIN_PAGE_DEFAULT);
	q.query = SLICE("x=1&after=a%20b&limit=1000");
	assert_true(admin_page_of(&q, &page, &reply));
	assert_int_equal(page.limit, 1000);
	assert_string_equal(page.after, "a b");
	for (size_t i = 0; i < 5; i++) {
		static const char *const bad[] = {
			"limit=0", "limit=1001", "limit=", "limit=x", "after=%00"};

		q.query = slice_from_str(bad[i]);
		assert_false(admin_page_of(&q, &page, &reply));
		assert_int_equal(reply.status, 400);
	}
	buf_release(&reply.body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_lead_to_their_routes),
		cmocka_unit_test(what_is_no_path_is_not_found),
		cmocka_unit_test(another_method_is_told_which_there_are),
		cmocka_unit_test(every_path_tells_its_methods),
		cmocka_unit_test(who_may_not_does_not_get_there),
		cmocka_unit_test(the_prefix_ends_at_a_slash),
		cmocka_unit_test(a_page_is_read_from_the_query),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
