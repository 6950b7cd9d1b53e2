/* An answer counts as a relay's only with X-Adit-Error: whatever stands in front of one answers as
 * it likes, and a 401 of that is not the relay's last word. Or it takes Upgrade away, and the relay
 * answers to what is left of the request. */
#include "agent/refusal.h"

#include "base/err.h"
#include "wire/uplink.h"

static struct refusal refusal_of_answer(const struct uplink_result *result)
{
	struct refusal r = {.kind = REFUSAL_RETRY,
		.code = result->code,
		.retry_after_s = result->retry_after_s};

	if (!result->code.len) {
		r.kind = REFUSAL_FOREIGN;
		r.code = SLICE("relay-protocol");
		return r;
	}
	if (result->status == 410)
		r.kind = REFUSAL_SESSION_GONE;
	else if (result->status == 401)
		r.kind = slice_eq(result->code, SLICE("not-authenticated")) ? REFUSAL_DENIED
									    : REFUSAL_FATAL;
	else if (slice_eq(result->code, SLICE("agents-elsewhere")))
		r.kind = REFUSAL_ELSEWHERE;
	else if (slice_eq(result->code, SLICE("version-not-supported")))
		r.kind = REFUSAL_FATAL;
	else if (result->status != 503)
		r.kind = REFUSAL_FOREIGN; /* without its Upgrade it is a request like any other */
	return r;
}

struct refusal refusal_of(const struct uplink_result *result)
{
	struct refusal r = {.kind = REFUSAL_RETRY, .nobody = result->hop == UPLINK_TCP};

	switch (result->hop) {
	case UPLINK_DNS:
		r.code = SLICE("relay-dns");
		break;
	case UPLINK_TCP:
		r.code = result->err == ERR_REFUSED ? SLICE("relay-refused")
						    : SLICE("relay-unreachable");
		break;
	case UPLINK_PROXY:
		r.code = SLICE("relay-proxy");
		break;
	case UPLINK_TLS:
		r.code = SLICE("relay-tls");
		break;
	case UPLINK_HTTP:
	case UPLINK_DONE:
		return refusal_of_answer(result);
	}
	return r;
}
