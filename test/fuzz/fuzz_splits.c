/* Reads each input whole, byte by byte and cut in two, and compares; shared by two fuzzers. */
#include "fuzz_splits.h"

#include "base/check.h"
#include "proto/http1_write.h"

#define FUZZ_EVERY_CUT_MAX 96 /* longer inputs are cut at a few places only, to stay fast */
#define FUZZ_BYTEWISE_MAX 1024
#define FUZZ_CUTS 4

/* Small, so that the fuzzer finds what is behind each. */
static const struct http1_limits fuzz_limits = {100, 700, 12};
static const struct http1_limits fuzz_wide_limits = {1 << 20, 1 << 22, HTTP_FIELDS_MAX};

static struct http1_walk fuzz_whole, fuzz_part;

static void fuzz_splits_check_one(struct slice bytes, size_t step, size_t cut)
{
	struct http1_walk *w = &fuzz_part;

	http1_walk_init(w, fuzz_whole.is_response, &fuzz_limits);
	w->method = fuzz_whole.method;
	http1_walk_feed(w, slice_first(bytes, cut));
	for (; cut < bytes.len; cut += step)
		http1_walk_feed(w, slice_first(slice_from(bytes, cut), step));
	http1_walk_close(w);
	CHECK(http1_walk_same(&fuzz_whole, w));
	http1_walk_deinit(w);
}

void fuzz_splits_check(struct slice bytes, bool is_response, enum http_method method)
{
	size_t seed = 1;

	http1_walk_init(&fuzz_whole, is_response, &fuzz_limits);
	fuzz_whole.method = method;
	http1_walk_feed(&fuzz_whole, bytes);
	http1_walk_close(&fuzz_whole);
	CHECK(fuzz_whole.size <= bytes.len);
	CHECK(buf_len(&fuzz_whole.content) <= bytes.len);
	if (bytes.len <= FUZZ_BYTEWISE_MAX)
		fuzz_splits_check_one(bytes, 1, 0);
	if (bytes.len <= FUZZ_EVERY_CUT_MAX) {
		for (size_t cut = 0; cut < bytes.len; cut++)
			fuzz_splits_check_one(bytes, bytes.len, cut);
	} else {
		for (size_t i = 0; i < bytes.len; i++)
			seed = seed * 31 + (unsigned char)bytes.ptr[i];
		for (int i = 0; i < FUZZ_CUTS; i++, seed = seed * 6364136223846793005u + 1)
			fuzz_splits_check_one(bytes, bytes.len, (seed >> 33) % bytes.len);
	}
	http1_walk_deinit(&fuzz_whole);
}

enum parse_result fuzz_splits_parse(struct slice bytes, bool is_response, struct http_head *head)
{
	struct http1_parser parser = {0};

	if (is_response)
		return http1_parse_response(&parser, bytes, &fuzz_wide_limits, head);
	return http1_parse_request(&parser, bytes, &fuzz_wide_limits, head);
}

void fuzz_splits_check_rewritten(struct buf *out, const struct http_head *head, bool is_response)
{
	static struct http_head again;

	http1_write_fields(out, head);
	http1_write_head_end(out);
	CHECK(fuzz_splits_parse(buf_slice(out), is_response, &again) == PARSE_DONE);
	CHECK(again.size == buf_len(out));
	CHECK(again.field_count == head->field_count);
	CHECK(slice_eq(again.method, head->method) && slice_eq(again.target, head->target));
	CHECK(again.status == head->status);
	for (size_t i = 0; i < head->field_count; i++) {
		CHECK(slice_eq(again.fields[i].name, head->fields[i].name));
		CHECK(slice_eq(again.fields[i].value, head->fields[i].value));
		CHECK(again.fields[i].id == head->fields[i].id);
	}
	CHECK(memcmp(again.first, head->first, sizeof(again.first)) == 0);
}
