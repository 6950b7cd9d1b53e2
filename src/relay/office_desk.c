/* Asking, and printing what came. */
#include "relay/office_desk.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/mem.h"
#include "relay/admin.h"
#include "relay/admin_json.h"
#include "relay/office_table.h"

#define OFFICE_PAGES_MAX 10000u

static void office_desk_print(const char *before, const char *format, va_list args)
{
	fputs(before, stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
}

void office_desk_complain(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	office_desk_print("aditd: ", format, args);
	va_end(args);
}

void office_desk_say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	office_desk_print("", format, args);
	va_end(args);
}

/* The API's own sentence, which is made for people. */
static void office_desk_refused(const struct office_answer *answer)
{
	struct admin_json *body = admin_json_parse(buf_slice(&answer->body));
	struct slice message =
		admin_json_text(admin_json_get(admin_json_get(body, "error"), "message"));

	if (message.len)
		office_desk_complain("%.*s", SLICE_ARG(message));
	else
		office_desk_complain("the relay answered %u", answer->status);
	admin_json_free(&body);
}

bool office_desk_ask(struct office_desk *d, enum http_method method, struct slice target,
	const struct buf *body, struct office_answer *answer_out)
{
	const struct office_question question = {
		method, target, body ? buf_slice(body) : (struct slice) {NULL, 0}};
	struct buf message = {0};
	bool good = office_reach_ask(d->reach, &question, answer_out, &message) == 0;

	if (!good)
		office_desk_complain("%.*s", SLICE_ARG(buf_slice(&message)));
	else if (answer_out->status < 200 || answer_out->status > 299) {
		office_desk_refused(answer_out);
		good = false;
	}
	buf_release(&message);
	return good;
}

bool office_desk_do(
	struct office_desk *d, enum http_method method, struct slice target, const struct buf *body)
{
	struct office_answer answer;
	bool good = office_desk_ask(d, method, target, body, &answer);

	if (good && d->json && buf_len(&answer.body))
		printf("%.*s\n", SLICE_ARG(buf_slice(&answer.body)));
	office_answer_deinit(&answer);
	return good;
}

void office_desk_escape(struct buf *target, const char *word)
{
	for (; *word; word++) {
		unsigned char c = (unsigned char)*word;
		bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			(c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';

		if (plain)
			buf_append_char(target, *word);
		else
			buf_printf(target, "%%%02X", c);
	}
}

/* ---- lists ---- */

struct office_pages {
	struct admin_json **pages; /* owned */
	size_t page_count;
	size_t item_count;
};

static void office_desk_target(
	const struct office_listing *l, const char *after, uint64_t limit, struct buf *out)
{
	buf_printf(out, "%s?limit=%llu", l->path, (unsigned long long)limit);
	if (l->user) {
		buf_append_str(out, "&account=");
		office_desk_escape(out, l->user);
	}
	if (*after) {
		buf_append_str(out, "&after=");
		office_desk_escape(out, after);
	}
}

/* Fetches one page; false when it was refused. */
static bool office_desk_fetch(struct office_desk *d, const struct office_listing *l,
	struct office_pages *p, char after[ADMIN_PARAM_MAX + 1])
{
	uint64_t limit = ADMIN_PAGE_MAX;
	struct office_answer answer;
	struct buf target = {0};
	struct admin_json *page = NULL;
	bool good;

	if (l->limit && l->limit - p->item_count < limit)
		limit = l->limit - p->item_count;
	office_desk_target(l, after, limit, &target);
	good = office_desk_ask(d, HTTP_GET, buf_slice(&target), NULL, &answer);
	if (good)
		page = admin_json_parse(buf_slice(&answer.body));
	office_answer_deinit(&answer);
	buf_release(&target);
	if (!page)
		return false;
	p->pages = mem_grow(p->pages, (p->page_count + 1) * sizeof(struct admin_json *));
	p->pages[p->page_count++] = page;
	p->item_count += admin_json_count(admin_json_get(page, "items"));
	slice_to_str(admin_json_text(admin_json_get(page, "next")), after, ADMIN_PARAM_MAX + 1);
	return true;
}

static const struct admin_json **office_desk_rows(const struct office_pages *p)
{
	const struct admin_json **rows = mem_alloc((p->item_count + 1) * sizeof(*rows));
	size_t count = 0;

	for (size_t i = 0; i < p->page_count; i++) {
		const struct admin_json *items = admin_json_get(p->pages[i], "items");

		for (size_t n = 0; n < admin_json_count(items); n++)
			rows[count++] = admin_json_item(items, n);
	}
	return rows;
}

static void office_desk_show(
	const struct office_desk *d, const struct office_listing *l, const struct office_pages *p)
{
	const struct admin_json **rows = office_desk_rows(p);
	struct buf out = {0};

	if (d->json) {
		buf_append_str(&out, "{\"items\":[");
		for (size_t i = 0; i < p->item_count; i++) {
			buf_append_str(&out, i ? "," : "");
			admin_json_print(rows[i], &out);
		}
		buf_append_str(&out, "]}\n");
	} else if (p->item_count) {
		office_table_print(l->table, rows, p->item_count, d->colour, &out);
	} else {
		office_desk_say("%s", l->nothing);
	}
	if (buf_len(&out))
		fwrite(buf_slice(&out).ptr, 1, buf_len(&out), stdout);
	buf_release(&out);
	mem_free((void *)rows);
}

int office_desk_list(struct office_desk *d, const struct office_listing *l)
{
	char after[ADMIN_PARAM_MAX + 1] = "";
	struct office_pages p = {0};
	bool good;

	do
		good = office_desk_fetch(d, l, &p, after);
	while (good && *after && p.page_count < OFFICE_PAGES_MAX &&
		(!l->limit || p.item_count < l->limit));
	if (good)
		office_desk_show(d, l, &p);
	for (size_t i = 0; i < p.page_count; i++)
		admin_json_free(&p.pages[i]);
	mem_free((void *)p.pages);
	return good ? 0 : 1;
}
