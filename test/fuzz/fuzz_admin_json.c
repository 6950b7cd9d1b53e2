/*
 * Any bytes are the body of a request to the admin API: it is taken, or refused with a sentence,
 * and what was taken keeps to the table. They are an answer as well, which is printed and read
 * again; and a path with a query.
 */
#include <stdint.h>

#include "base/check.h"
#include "base/err.h"
#include "relay/admin_json.h"
#include "relay/admin_route.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct body {
	char name[17];
	char secret[17];
	char words[33];
	bool flag;
	uint64_t number;
};

static const struct admin_json_member members[] = {
	{"name", ADMIN_JSON_TEXT, ADMIN_JSON_REQUIRED, offsetof(struct body, name), 17, 1, 16},
	{"secret", ADMIN_JSON_TEXT, ADMIN_JSON_NULLABLE | ADMIN_JSON_SECRET,
		offsetof(struct body, secret), 17, 4, 16},
	{"words", ADMIN_JSON_WORDS, 0, offsetof(struct body, words), 33, 1, 16},
	{"flag", ADMIN_JSON_BOOL, 0, offsetof(struct body, flag), sizeof(bool), 0, 0},
	{"number", ADMIN_JSON_NUMBER, 0, offsetof(struct body, number), 8, 3, 1000},
};

static void check_body(struct slice in)
{
	const struct admin_json_shape shape = {members, ARRAY_LEN(members)};
	struct buf sentence = {0};
	struct body body = {0};
	uint32_t given;
	int err = admin_json_read(in, &shape, &body, &given, &sentence);

	CHECK(err == 0 || err == ERR_SYNTAX);
	CHECK((err == 0) == (buf_len(&sentence) == 0));
	CHECK(buf_len(&sentence) < 256);
	if (!err) {
		CHECK((given & 1) && strlen(body.name) >= 1 && strlen(body.name) <= 16);
		CHECK(strlen(body.secret) == 0 || strlen(body.secret) >= 4);
		CHECK(strlen(body.words) <= 32);
		CHECK(!(given & 16) || (body.number >= 3 && body.number <= 1000));
	}
	buf_release(&sentence);
}

static void check_answer(struct slice in)
{
	struct admin_json *whole = admin_json_parse(in), *again;
	struct buf out = {0};

	if (!whole)
		return;
	admin_json_print(whole, &out);
	again = admin_json_parse(buf_slice(&out));
	CHECK(again);
	CHECK(admin_json_count(again) == admin_json_count(whole));
	admin_json_free(&again);
	admin_json_free(&whole);
	buf_release(&out);
}

static void check_path(struct slice in)
{
	struct admin_request q = {.method = HTTP_GET, .path = slice_first(in, slice_find(in, '?'))};
	struct admin_reply reply = {0};
	struct admin_page page;

	q.query = slice_from(in, q.path.len + 1);
	q.who.admin = true;
	CHECK((admin_route_find(&q, &reply) != NULL) == (reply.status == 0));
	CHECK(strlen(q.param) <= ADMIN_PARAM_MAX);
	if (admin_page_of(&q, &page, &reply))
		CHECK(page.limit >= 1 && page.limit <= ADMIN_PAGE_MAX);
	buf_release(&reply.body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = slice_of(data, size);

	check_body(in);
	check_answer(in);
	check_path(in);
	return 0;
}
