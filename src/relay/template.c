/* Fills in the holes of an embedded page, in one pass. */
#include "relay/template.h"

#include "base/check.h"
#include "relay/escape.h"

static struct slice template_value_of(
	struct slice name, const struct template_value *values, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (slice_eq(name, slice_from_str(values[i].name)))
			return values[i].text;
	}
	check_fail("a page has a hole that nobody fills", __FILE__, __LINE__);
}

static size_t template_find(struct slice page, struct slice mark)
{
	const char *at = memmem(page.ptr, page.len, mark.ptr, mark.len);

	return at ? (size_t)(at - page.ptr) : page.len;
}

void template_write(
	struct buf *out, struct slice page, const struct template_value *values, size_t count)
{
	for (;;) {
		size_t open = template_find(page, SLICE("{{")), close;

		buf_append_slice(out, slice_first(page, open));
		if (open == page.len)
			return;
		page = slice_from(page, open + 2);
		close = template_find(page, SLICE("}}"));
		CHECK(close < page.len);
		escape_html(out, template_value_of(slice_first(page, close), values, count));
		page = slice_from(page, close + 2);
	}
}
