/* One request; a relay that has no accounts answers it as well, with its Date. */
#include "agent/doctor_account.h"

#include "agent/api_json.h"
#include "agent/doctor_local.h"
#include "agent/handshake.h"
#include "base/log_text.h"
#include "base/mem.h"
#include "config/conf_file.h"
#include "io/loop.h"
#include "wire/fetch.h"

#define DOCTOR_ACCOUNT_MAX 65536u

struct doctor_account {
	const struct doctor_local_events *events; /* borrowed */
	void *ctx; /* borrowed */
	struct buf fields;
	bool has_key;
	uint64_t began_us;
};

static void doctor_account_put(struct buf *out, struct slice text)
{
	char plain[LOG_TEXT_ROOM];

	buf_append(out, plain, (size_t)(log_text_bare(plain, text) - plain));
}

static bool doctor_account_judge(const struct fetch_result *result, struct buf *out)
{
	struct api_json *json = api_json_read(result->body);
	struct slice account = api_json_text(json, "account"), plan = api_json_text(json, "plan");
	struct slice words = api_json_text(api_json_get(json, "error"), "message");
	bool ok = result->status == 200;

	if (ok) {
		buf_append_str(out, "account ");
		doctor_account_put(out, account.len ? account : SLICE("none"));
		buf_append_str(out, plan.len ? ", plan " : "");
		doctor_account_put(out, plan);
	} else if (result->status == 404) {
		buf_append_str(out, "the relay has no accounts; the key is not needed");
		ok = true;
	} else {
		doctor_account_put(out, words.len ? words : result->code);
		buf_append_str(out, result->status == 401 ? " adit login gets a new key" : "");
	}
	api_json_free(&json);
	return ok;
}

bool doctor_account_print_skew(uint64_t here_s, uint64_t there_s, struct buf *out)
{
	bool is_ahead = here_s >= there_s;
	uint64_t apart = is_ahead ? here_s - there_s : there_s - here_s;

	buf_printf(out, "%llu s %s the relay's", (unsigned long long)apart,
		is_ahead ? "ahead of" : "behind");
	if (apart <= DOCTOR_ACCOUNT_SKEW_S)
		return true;
	buf_append_str(out,
		"; signatures and certificates need a clock that is right (timedatectl set-ntp "
		"true)");
	return false;
}

static void doctor_account_on_done(void *ctx, const struct fetch_result *result)
{
	struct doctor_account *a = ctx;
	uint64_t took_us = loop_clock_us() - a->began_us;
	struct buf detail = {0};
	bool ok;

	if (result->hop != UPLINK_DONE) {
		doctor_account_put(&detail, result->detail);
		a->events->tell(a->ctx, "api", false, took_us, buf_slice(&detail));
		buf_clear(&detail);
	} else if (a->has_key) {
		ok = doctor_account_judge(result, &detail);
		a->events->tell(a->ctx, "key", ok, took_us, buf_slice(&detail));
		buf_clear(&detail);
	}
	if (result->date_s) {
		/* The Date is one of some time in between, cut to a second. */
		ok = doctor_account_print_skew(
			(loop_wall_ms() - took_us / 2000) / 1000, result->date_s, &detail);
		a->events->tell(a->ctx, "clock", ok, took_us, buf_slice(&detail));
	}
	buf_release(&detail);
	a->events->done(a->ctx);
}

struct doctor_account *doctor_account_new(struct loop *loop, const struct uplink_request *way,
	const char *key, const struct doctor_local_events *events, void *ctx)
{
	const struct handshake_who who = {.key = key};
	struct doctor_account *a = MEM_NEW(struct doctor_account);
	struct fetch_request request = {.way = *way,
		.method = "GET",
		.target = "/api/v1/me",
		.answer_max = DOCTOR_ACCOUNT_MAX};

	a->events = events;
	a->ctx = ctx;
	a->has_key = key != NULL;
	a->began_us = loop_clock_us();
	handshake_identify(&a->fields, &who, 0, 0);
	request.way.fields = buf_slice(&a->fields);
	fetch_start(loop, &request, doctor_account_on_done, a);
	return a;
}

void doctor_account_free(struct doctor_account **account)
{
	struct doctor_account *a = *account;

	if (!a)
		return;
	*account = NULL;
	conf_file_forget(&a->fields);
	mem_free(a);
}
