/* Refusals that an agent can cause at any rate are logged at a rate of ours. */
#include "relay/agent_refusal.h"

#include "base/err.h"
#include "relay/agent_fault.h"
#include "relay/agent_message.h"
#include "relay/agent_session_priv.h"
#include "relay/name.h"
#include "relay/peer_log.h"
#include "relay/session_tunnel.h"
#include "relay/tunnel_gate.h"
#include "relay/worker.h"
#include "wire/control.h"

#define AGENT_REFUSAL_TUNNELS_MAX 1000u /* of one session */
#define AGENT_REFUSAL_PROMISED_MAX (1u << 20) /* bytes of answers until it is ready */

void agent_refusal_tell(struct agent_session *a, const struct agent_message_fault *fault)
{
	struct worker *w = a->worker;
	struct slice client = slice_from_str(a->client);
	uint64_t suppressed;

	metrics_add(w->metrics, METRIC_CREATIONS_REFUSED, 1);
	if (peer_log_refuses(w, client, "tunnel refused", &suppressed))
		log_info(w->shared->log, "tunnel refused",
			LOG_STR("session", agent_session_name(a)), LOG_STR("client", client),
			LOG_STR("reason", slice_from_str(fault->code)),
			LOG_INT("suppressed", suppressed));
	agent_message_error(a, fault);
}

/* True when the message cannot be granted, whatever the name. */
static bool agent_refusal_is_wrong(struct agent_session *a, const struct control *c)
{
	struct agent_message_fault fault = {.tunnel = c->tunnel, .fatal = true};

	if (a->leaving) {
		fault.code = "bad-message";
		fault.message = "A session that was told to end registers nothing.";
	} else if (session_tunnel_find(a, c->tunnel)) {
		fault.code = "bad-message";
		fault.message = "This number belongs to a tunnel of the session already.";
	} else if (a->member_count >= AGENT_REFUSAL_TUNNELS_MAX ||
		buf_len(&a->promised) >= AGENT_REFUSAL_PROMISED_MAX) {
		fault.code = "too-many-tunnels";
		fault.message = "The session has as many tunnels as it may.";
	} else if (c->proto == CONTROL_TCP && c->password) {
		fault.code = "password-not-possible";
		fault.message = "A TCP tunnel cannot ask its visitors for a password. Open it "
				"without one, or as an HTTP tunnel.";
	} else if (c->subdomain && strlen(c->subdomain) > NAME_MAX_LEN) {
		fault = agent_fault_of(CREATE_INVALID);
		fault.tunnel = c->tunnel;
	} else {
		return false;
	}
	agent_refusal_tell(a, &fault);
	return true;
}

/* True when lists of networks, or the check of signatures, are none. */
static bool agent_refusal_is_badly_guarded(struct agent_session *a, const struct control *c)
{
	const struct tunnel_gate_wish wish = {
		.allow = c->allow,
		.deny = c->deny,
		.verify_scheme = c->verify.scheme,
		.verify_secret = c->verify.secret,
	};
	struct agent_message_fault fault = {
		.tunnel = c->tunnel, .code = "bad-guard", .fatal = true};
	struct buf why = {0};
	int err = tunnel_gate_check(&wish, &why);

	if (!err && c->proto == CONTROL_TCP && c->verify.scheme) {
		buf_append_str(&why,
			"Requests to a TCP tunnel cannot be read, so nothing in them "
			"can be verified.");
		err = ERR_SYNTAX;
	}
	buf_append_char(&why, '\0');
	fault.message = why.base;
	if (err)
		agent_refusal_tell(a, &fault);
	buf_release(&why);
	return err != 0;
}

bool agent_refusal_check(struct agent_session *a, const struct control *c)
{
	return agent_refusal_is_wrong(a, c) || agent_refusal_is_badly_guarded(a, c);
}
