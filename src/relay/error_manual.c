/*
 * The page about errors: prose around two tables. As with the page about options, the prose is
 * here so that it changes in one commit with the program, and a test tells when the committed
 * page was forgotten. Never part of aditd.
 */
#include "relay/error_manual.h"

#include "base/attr.h"
#include "proto/http1_write.h"
#include "relay/api_error.h"
#include "relay/visitor_error.h"

static const char *const error_manual_intro =
	"# Errors of aditd\n"
	"\n"
	"<!-- Made from src/relay/visitor_error.def, src/relay/api_error.def and\n"
	"     src/relay/error_manual.c: do not edit; run\n"
	"     `./build/release/tools/error_docs > docs/errors.md`. -->\n"
	"\n"
	"Every answer that the relay gives on its own account, instead of passing on one of the "
	"service\n"
	"behind the tunnel, has the header `X-Adit-Error` with a code from this page. An answer "
	"without\n"
	"it comes from the service, or from a proxy in front of the relay. Codes do not change.\n"
	"\n"
	"## Errors that visitors see\n"
	"\n"
	"The body is a page, JSON or a few lines of text, whichever `Accept` names first by "
	"weight;\n"
	"wildcards name nothing, so `curl` gets text. JSON has this shape:\n"
	"\n"
	"```json\n"
	"{\"error\":\"tunnel-not-found\",\"message\":\"Nobody has opened a tunnel ...\","
	"\"request_id\":\"1c8e3a5f7b9d0264\"}\n"
	"```\n"
	"\n"
	"`X-Request-Id` and the body name the same id as the access log. When the answer is 503, "
	"there is\n"
	"a `Retry-After`: the rest of the grace period for `tunnel-offline`, `--retry-after` for "
	"the\n"
	"others. Once the head of the service's answer was passed on, no error can be told any "
	"more: the\n"
	"connection is cut, and only the log has the code.\n"
	"\n"
	"\"Stopped at\" is the place in the page's picture.\n"
	"\n"
	"| Code | Status | Stopped at | What happened | What helps |\n"
	"| --- | --- | --- | --- | --- |\n";

static const char *const error_manual_api_intro =
	"\n"
	"## Errors of the relay's own paths\n"
	"\n"
	"Creating tunnels and asking about them. Clients that go by status and body, as those of\n"
	"localtunnel-server do, need not look at the code. Besides these, the same paths answer "
	"with\n"
	"`bad-request` (400: the body of `POST /api/tunnels` is not understood),\n"
	"`method-not-allowed` (405), `body-too-large` (413: more than 64 KiB, whatever "
	"--max-body says)\n"
	"and `overloaded` (503: more signed requests than can be remembered, or passwords than can "
	"be hashed).\n"
	"\n"
	"| Code | Status | What happened |\n"
	"| --- | --- | --- |\n";

static const char *const error_manual_outro =
	"\n"
	"## In the log and in the metrics\n"
	"\n"
	"The access log has the code as `error`. `adit_errors_total{code=\"...\"}` counts the "
	"codes of the\n"
	"first table. A refused request for a tunnel is in neither: the log has `tunnel refused` "
	"with the\n"
	"code as `reason`, once a minute for each visitor, and\n"
	"`adit_creations_refused_total` counts them. See [operating.md](operating.md).\n";

static void error_manual_visitor_rows(struct buf *out)
{
	for (unsigned i = 0; i < VISITOR_ERROR_COUNT; i++) {
		const struct visitor_error_info *info = visitor_error_get((enum visitor_error)i);
		const char *usual = http1_reason_of(info->status);
		const char *reason = *info->reason ? info->reason : usual;

		buf_printf(out, "| `%s` | %u %s | %s | %s | %s |\n", info->code, info->status,
			reason ? reason : "", info->place, info->explanation, info->advice);
	}
}

static void error_manual_api_rows(struct buf *out)
{
	for (unsigned i = 0; i < API_ERROR_COUNT; i++) {
		const struct api_error_info *info = api_error_get((enum api_error)i);
		const char *reason = http1_reason_of(info->status);

		buf_printf(out, "| `%s` | %u %s | %s |\n", info->code, info->status,
			reason ? reason : "", info->meaning);
	}
}

void error_manual_markdown(struct buf *out)
{
	buf_append_str(out, error_manual_intro);
	error_manual_visitor_rows(out);
	buf_append_str(out, error_manual_api_intro);
	error_manual_api_rows(out);
	buf_append_str(out, error_manual_outro);
}
