/*
 * A Cookie field with anything in it: what is taken out is not found any more, what is left is the
 * other cookies as they were, and doing it again changes nothing.
 */
#include <stdlib.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/mem.h"
#include "proto/http_cookie.h"
#include "proto/http_head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct slice names[] = {{"__adit_session", 14}, {"__adit_csrf", 11}};

static bool is_taken(struct slice name)
{
	return slice_eq(name, names[0]) || slice_eq(name, names[1]);
}

static void use(struct http_head *head, struct slice value)
{
	head->field_count = 1;
	head->fields[0] = (struct http_field) {
		.name = SLICE("Cookie"), .value = value, .id = HTTP_FIELD_COOKIE};
}

/* The next cookie that stays. */
static bool next_other(struct http_cookie_walk *walk, struct http_cookie *cookie)
{
	while (http_cookie_next(walk, cookie)) {
		if (!is_taken(cookie->name))
			return true;
	}
	return false;
}

static void compare(struct slice before, struct slice after)
{
	struct http_head *one = MEM_NEW(struct http_head), *two = MEM_NEW(struct http_head);
	struct http_cookie_walk first = {.head = one}, second = {.head = two};
	struct http_cookie a, b;
	bool more;

	use(one, before);
	use(two, after);
	do {
		more = next_other(&first, &a);
		CHECK(http_cookie_next(&second, &b) == more);
		CHECK(!more || (slice_eq(a.name, b.name) && slice_eq(a.value, b.value)));
	} while (more);
	mem_free(one);
	mem_free(two);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice value = slice_trim(slice_of(data, size));
	struct buf out = {0}, again = {0};
	bool kept = http_cookie_strip(&out, value, names, ARRAY_LEN(names));

	CHECK(buf_len(&out) <= value.len && (kept || !buf_len(&out)));
	compare(value, buf_slice(&out));
	if (kept) {
		CHECK(http_cookie_strip(&again, buf_slice(&out), names, ARRAY_LEN(names)));
		CHECK(slice_eq(buf_slice(&out), buf_slice(&again)));
	}
	buf_release(&out);
	buf_release(&again);
	return 0;
}
