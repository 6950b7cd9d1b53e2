/* What all handlers of the admin API need. Pure. */
#include "relay/admin.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/err.h"
#include "base/num.h"
#include "proto/http_host.h"
#include "relay/admin_json.h"
#include "relay/visitor_error.h"

#define ADMIN_SENTENCE_MAX 512

static void admin_refuse_with(
	struct admin_reply *reply, unsigned status, const char *code, struct slice sentence)
{
	buf_clear(&reply->body);
	reply->status = status;
	reply->code = code;
	reply->retry_after_s = status == 503 || status == 429 ? 1 : 0;
	admin_json_begin(&reply->body, NULL, '{');
	admin_json_begin(&reply->body, "error", '{');
	admin_json_put_text(&reply->body, "code", slice_from_str(code));
	admin_json_put_text(&reply->body, "message", sentence);
	admin_json_end(&reply->body, '}');
	admin_json_end(&reply->body, '}');
}

void admin_refuse(struct admin_reply *reply, enum api_error error, const char *format, ...)
{
	const struct api_error_info *info = api_error_get(error);
	char sentence[ADMIN_SENTENCE_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(sentence, sizeof(sentence), format, args);
	va_end(args);
	admin_refuse_with(reply, info->status, info->code, slice_from_str(sentence));
}

void admin_refuse_store(struct admin_reply *reply, int err, const char *why)
{
	if (err == ERR_EXISTS)
		admin_refuse(reply, API_ERROR_EXISTS, "There is one of this name already.");
	else if (err == ERR_NOT_FOUND)
		admin_refuse(reply, API_ERROR_NOT_FOUND, "It does not exist (any more).");
	else
		admin_refuse(reply, API_ERROR_STORE_UNAVAILABLE,
			"Nothing was changed: the relay's store cannot be used now (%s).",
			why && *why ? why : err_text(err));
}

void admin_refuse_method(struct admin_reply *reply)
{
	const struct visitor_error_info *info = visitor_error_get(VISITOR_ERROR_METHOD_NOT_ALLOWED);
	char sentence[ADMIN_SENTENCE_MAX];

	snprintf(sentence, sizeof(sentence), "This path takes %s.", reply->allow);
	admin_refuse_with(reply, info->status, info->code, slice_from_str(sentence));
}

void admin_refuse_size(struct admin_reply *reply, const char *sentence)
{
	const struct visitor_error_info *info = visitor_error_get(VISITOR_ERROR_BODY_TOO_LARGE);

	admin_refuse_with(reply, info->status, info->code, slice_from_str(sentence));
}

void admin_answer(struct admin_reply *reply, unsigned status)
{
	reply->status = status;
	reply->code = NULL;
}

void admin_done(struct admin_reply *reply)
{
	buf_clear(&reply->body);
	reply->status = 204;
}

int admin_query_text(struct slice query, const char *name, char *out, size_t size)
{
	struct slice part;
	size_t len;
	int err;

	while (slice_split(&query, '&', &part)) {
		size_t equals = slice_find(part, '=');

		if (!slice_eq(slice_first(part, equals), slice_from_str(name)))
			continue;
		err = http_percent_decode(slice_from(part, equals + 1), out, size - 1, &len);
		if (err)
			return err;
		out[len] = '\0';
		return strlen(out) == len ? 0 : ERR_SYNTAX;
	}
	return ERR_NOT_FOUND;
}

/* Names, numbers and times: printable ASCII. */
static bool admin_is_cursor(const char *text)
{
	for (const char *c = text; *c; c++) {
		if (*c < 0x20 || *c > 0x7e)
			return false;
	}
	return *text != '\0';
}

bool admin_page_of(
	const struct admin_request *q, struct admin_page *page_out, struct admin_reply *reply)
{
	char limit[NUM_TEXT_MAX];
	int err = admin_query_text(q->query, "limit", limit, sizeof(limit));

	*page_out = (struct admin_page) {.limit = ADMIN_PAGE_DEFAULT};
	if (!err)
		err = num_parse_u64(slice_from_str(limit), &page_out->limit);
	if ((err && err != ERR_NOT_FOUND) || !page_out->limit || page_out->limit > ADMIN_PAGE_MAX) {
		admin_refuse(reply, API_ERROR_INVALID_REQUEST,
			"limit must be a number from 1 to %u.", ADMIN_PAGE_MAX);
		return false;
	}
	err = admin_query_text(q->query, "after", page_out->after, sizeof(page_out->after));
	if (err != ERR_NOT_FOUND && (err || !admin_is_cursor(page_out->after))) {
		admin_refuse(reply, API_ERROR_INVALID_REQUEST,
			"after must be what the page before gave as next.");
		return false;
	}
	return true;
}

bool admin_is_account(struct slice name)
{
	for (size_t i = 0; i < name.len; i++) {
		char ch = name.ptr[i];
		bool plain = (ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9');

		if (!plain && (!i || !ch || !strchr("._@+-", ch)))
			return false;
	}
	return name.len > 0 && name.len <= RECORD_ACCOUNT_MAX;
}

bool admin_query_account(
	const struct admin_request *q, char *out, size_t size, struct admin_reply *reply)
{
	int err = admin_query_text(q->query, "account", out, size);

	if (err == ERR_NOT_FOUND) {
		*out = '\0';
		return true;
	}
	if (!err && admin_is_account(slice_from_str(out)))
		return true;
	admin_refuse(reply, API_ERROR_INVALID_REQUEST, "account must be an account's name.");
	return false;
}

bool admin_has_hash(const struct admin_request *q, const char *password, struct admin_reply *reply)
{
	if (!*password || (q->password_hash && *q->password_hash))
		return true;
	admin_refuse(
		reply, API_ERROR_NOT_NOW, "The password could not be hashed; nothing was changed.");
	return false;
}

bool admin_body_read(const struct admin_request *q, const struct admin_json_shape *shape,
	void *into, uint32_t *given_out, struct admin_reply *reply)
{
	struct buf sentence = {0};
	uint32_t given;
	int err = admin_json_read(q->body, shape, into, given_out ? given_out : &given, &sentence);

	if (err)
		admin_refuse(
			reply, API_ERROR_INVALID_REQUEST, "%.*s", SLICE_ARG(buf_slice(&sentence)));
	buf_release(&sentence);
	return !err;
}

void admin_actor(const struct admin_who *who, char *out, size_t size)
{
	if (who->is_operator)
		snprintf(out, size, "operator");
	else if (who->grant.account_id && *who->grant.key_id)
		snprintf(out, size, "%.64s/%s", who->grant.account, who->grant.key_id);
	else if (who->grant.account_id)
		snprintf(out, size, "%.64s", who->grant.account);
	else
		snprintf(out, size, "nobody");
}
