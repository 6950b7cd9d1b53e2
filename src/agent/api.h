/*
 * The relay's API (/api/v1) as the agent's commands use it: one request at a time, the way that
 * links take, and what went wrong as a sentence and an exit code. Blocks; not for the tunnels'
 * loop.
 */
#ifndef AGENT_API_H
#define AGENT_API_H

#include <stdint.h>

#include "agent/run.h"
#include "base/attr.h"
#include "base/buf.h"
#include "base/slice.h"

struct api;
struct api_json;
struct cli_conf;

struct api_call {
	const char *method;
	const char *target; /* below /api/v1: "/me" */
	struct slice body; /* JSON; without a pointer there is none */
};

struct api_answer {
	unsigned status; /* 0: the relay did not answer */
	struct api_json *json; /* owned; NULL: there was none */
	char code[65]; /* of the error */
	unsigned retry_after_s;
};

/* A login has no key, or one that is no good. */
enum api_need { API_WITH_KEY, API_FOR_LOGIN };

/* The key that the conf leads to is shown with every request; has_key tells whether there is one.
 * ERR_* and a sentence: the configuration is not good. */
MUST_CHECK int api_open(struct cli_conf *conf, char **environ_list, enum api_need need,
	struct api **out, struct buf *message);
void api_close(struct api **a);
bool api_has_key(const struct api *a);
/* The key itself, or NULL; never to be shown. */
const char *api_key(const struct api *a);
/* A sentence that says how to get one. */
void api_print_no_key(const struct api *a, struct buf *message);

/* RUN_STOPPED when the status is 2xx; RUN_REFUSED when the relay says no, RUN_FAILED when it cannot
 * be asked or cannot answer now, both with a sentence. The answer is ended by api_answer_deinit in
 * any case. */
enum run_exit api_ask(
	struct api *a, const struct api_call *call, struct api_answer *answer, struct buf *message);
void api_answer_deinit(struct api_answer *answer);

/* Appends a JSON string with its quotes; up to 4 KiB of UTF-8 come through whole. */
void api_append_json(struct buf *out, struct slice text);
/* Text of the relay's for a terminal. */
void api_append_plain(struct buf *out, struct slice text);

#endif
