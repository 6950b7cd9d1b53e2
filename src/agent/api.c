/* Each request has a loop of its own, which ends with it. */
#include "agent/api.h"

#include "agent/api_json.h"
#include "agent/cli_conf.h"
#include "agent/relay_way.h"
#include "base/log_text.h"
#include "base/mem.h"
#include "config/conf_file.h"
#include "io/loop.h"
#include "wire/fetch.h"

#define API_TIMEOUT_MS 15000u
#define API_ANSWER_MAX 262144u
#define API_TEXT_MAX 4096u

struct api {
	struct cli_conf *conf; /* borrowed */
	struct relay_way way;
	/* of the request under way */
	struct loop *loop; /* owned */
	struct api_answer *answer; /* borrowed */
	struct buf *message; /* borrowed */
	enum run_exit exit;
	bool is_done;
};

int api_open(struct cli_conf *conf, char **environ_list, enum api_need need, struct api **out,
	struct buf *message)
{
	struct relay_way way;
	int err = cli_conf_need_relay(conf, message);

	*out = NULL;
	if (!err && need == API_FOR_LOGIN)
		err = relay_way_find_bare(conf, environ_list, &way, message);
	else if (!err)
		err = relay_way_find(conf, environ_list, &way, message);
	if (err)
		return err;
	*out = MEM_NEW(struct api);
	(*out)->conf = conf;
	(*out)->way = way;
	return 0;
}

void api_close(struct api **a_ptr)
{
	struct api *a = *a_ptr;

	*a_ptr = NULL;
	if (!a)
		return;
	relay_way_deinit(&a->way);
	mem_free(a);
}

bool api_has_key(const struct api *a)
{
	return a->way.key != NULL;
}

const char *api_key(const struct api *a)
{
	return a->way.key;
}

void api_print_no_key(const struct api *a, struct buf *message)
{
	buf_printf(message, "there is no key for %s; adit login gets one (or set ADIT_TOKEN)",
		a->conf->relay.text);
}

void api_append_json(struct buf *out, struct slice text)
{
	text = slice_first(text, API_TEXT_MAX);
	/* In pieces that are not cut; a piece ends before a byte that continues a character. */
	buf_append_char(out, '"');
	while (text.len) {
		struct slice piece = slice_first(text, LOG_TEXT_CUT / 2);
		char quoted[LOG_TEXT_ROOM], *end;

		while (piece.len < text.len && piece.len > 1 &&
			((unsigned char)text.ptr[piece.len] & 0xc0) == 0x80)
			piece.len--;
		end = log_text_json(quoted, piece);
		buf_append(out, quoted + 1, (size_t)(end - quoted) - 2);
		text = slice_from(text, piece.len);
	}
	buf_append_char(out, '"');
}

void api_append_plain(struct buf *out, struct slice text)
{
	char plain[LOG_TEXT_ROOM], *end;

	end = log_text_bare(plain, text);
	/* Quotes need no escape in a sentence. */
	for (const char *at = plain; at < end; at++) {
		bool is_escape = *at == '\\' && at + 1 < end;

		if (is_escape && at[1] == '\\')
			buf_append_char(out, *at);
		at += is_escape && (at[1] == '\\' || at[1] == '"');
		buf_append_char(out, *at);
	}
}

/* ---- one request ---- */

static const char *api_advice(const struct api_answer *answer)
{
	static const struct {
		const char *code;
		const char *advice;
	} rows[] = {
		{"key-needed", "; adit login gets a key"},
		{"key-unknown", "; adit login gets a new key"},
		{"key-revoked", "; adit login gets a new key"},
		{"key-expired", "; adit login gets a new key"},
		{"account-disabled", "; ask the relay's operator"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (strcmp(rows[i].code, answer->code) == 0)
			return rows[i].advice;
	}
	return "";
}

/* The relay's own words, or what the status means. */
static void api_print_refusal(const struct api *a, struct buf *out)
{
	const struct api_json *error = api_json_get(a->answer->json, "error");
	struct slice words = api_json_text(error, "message");

	if (!words.len)
		words = api_json_text(a->answer->json, "message");
	buf_printf(out, "%s answered %u", a->conf->relay.text, a->answer->status);
	if (a->answer->code[0])
		buf_printf(out, " (%s)", a->answer->code);
	if (words.len) {
		buf_append_str(out, ": ");
		api_append_plain(out, words);
	} else if (!a->answer->code[0]) {
		buf_append_str(
			out, ": this is not a relay with accounts, or something in front of one");
	}
	if (slice_ends(buf_slice(out), SLICE(".")) && *api_advice(a->answer))
		out->end--;
	buf_append_str(out, api_advice(a->answer));
}

static void api_take(struct api *a, const struct fetch_result *result)
{
	struct api_answer *answer = a->answer;
	struct slice code = result->code;

	answer->status = result->status;
	answer->retry_after_s = result->retry_after_s;
	answer->json = api_json_read(result->body);
	if (!code.len)
		code = api_json_text(api_json_get(answer->json, "error"), "code");
	if (slice_is_token(code))
		slice_to_str(code, answer->code, sizeof(answer->code));
	if (result->status >= 200 && result->status <= 299)
		return;
	api_print_refusal(a, a->message);
	a->exit = result->status >= 500 || result->status == 429 ? RUN_FAILED : RUN_REFUSED;
}

static void api_on_done(void *ctx, const struct fetch_result *result)
{
	struct api *a = ctx;

	a->is_done = true;
	a->exit = RUN_STOPPED;
	if (result->hop == UPLINK_DONE) {
		api_take(a, result);
	} else {
		buf_printf(a->message,
			"the relay cannot be asked (%s): ", uplink_hop_text(result->hop));
		api_append_plain(a->message, result->detail);
		a->exit = RUN_FAILED;
	}
	loop_stop(a->loop);
}

enum run_exit api_ask(
	struct api *a, const struct api_call *call, struct api_answer *answer, struct buf *message)
{
	const struct handshake_who who = {.key = a->way.key};
	struct fetch_request request = {
		.way = {.host = a->conf->relay.host,
			.port = a->conf->relay.port,
			.tls = a->way.tls,
			.proxy = a->way.proxy.address,
			.proxy_authorization = a->way.proxy.authorization,
			.timeout_ms = API_TIMEOUT_MS},
		.method = call->method,
		.body = call->body,
		.answer_max = API_ANSWER_MAX,
	};
	struct buf fields = {0}, target = {0};

	*answer = (struct api_answer) {0};
	buf_printf(&target, "/api/v1%s%c", call->target, '\0');
	request.target = buf_slice(&target).ptr;
	handshake_identify(&fields, &who, 0, 0);
	request.way.fields = buf_slice(&fields);
	a->loop = loop_new();
	a->answer = answer;
	a->message = message;
	a->is_done = false;
	fetch_start(a->loop, &request, api_on_done, a);
	while (!a->is_done)
		loop_run(a->loop);
	cli_conf_end_loop(a->conf, &a->loop);
	conf_file_forget(&fields);
	buf_release(&target);
	return a->exit;
}

void api_answer_deinit(struct api_answer *answer)
{
	api_json_free(&answer->json);
}
