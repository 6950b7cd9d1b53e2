/*
 * A key's ports are remembered in the order in which its tunnels took them, each under a name of
 * its own. They are nobody else's loss: a port that is wanted elsewhere meanwhile is gone.
 */
#include "relay/agent_port.h"

#include <stdio.h>

#include "base/check.h"
#include "crypto/rand.h"
#include "relay/auth.h"
#include "relay/clerk.h"
#include "relay/directory.h"
#include "relay/ports.h"
#include "relay/session_tunnel.h"
#include "relay/worker.h"

#define AGENT_PORT_TRIES 64 /* ports that other programs hold are skipped */
#define AGENT_PORT_SLOTS 16u /* ports that are remembered for a key */
#define AGENT_PORT_SLOT_MAX 32

static enum create_result agent_port_ask(
	struct worker *w, const struct create_wish *wish, uint16_t port, struct create_outcome *out)
{
	struct session_tunnel_wish *session = wish->ctx;
	struct create_wish named = *wish;
	char text[NAME_MAX_LEN + 1];

	session->port = port;
	named.name = slice_of(text, (size_t)snprintf(text, sizeof(text), "tcp:%u", port));
	return create_tunnel_as(w, &named, out);
}

static bool agent_port_is_ours(const struct worker *w, uint16_t port)
{
	return port >= w->conf->tcp_range_start && port <= w->conf->tcp_range_end;
}

static bool agent_port_is_idle(const struct worker *w, uint16_t port)
{
	char text[NAME_MAX_LEN + 1];

	return directory_is_idle(w->shared->directory,
		slice_of(text, (size_t)snprintf(text, sizeof(text), "tcp:%u", port)));
}

static struct slice agent_port_slot(
	const struct book_grant *grant, unsigned number, char out[AGENT_PORT_SLOT_MAX])
{
	return slice_of(out,
		(size_t)snprintf(out, AGENT_PORT_SLOT_MAX, "key:%s:%u", grant->key_id, number));
}

/* Leaves the slot that a new port goes to. */
static enum create_result agent_port_again(struct worker *w, const struct create_wish *wish,
	unsigned *slot_out, struct create_outcome *out)
{
	char text[AGENT_PORT_SLOT_MAX];

	*slot_out = AGENT_PORT_SLOTS;
	for (unsigned i = 0; wish->grant && i < AGENT_PORT_SLOTS; i++) {
		uint16_t port = directory_last_port(
			w->shared->directory, agent_port_slot(wish->grant, i, text));
		enum create_result result;

		if (!port && *slot_out == AGENT_PORT_SLOTS)
			*slot_out = i;
		if (!port || !agent_port_is_ours(w, port) || !auth_may_port(wish->grant, port) ||
			!agent_port_is_idle(w, port))
			continue;
		result = agent_port_ask(w, wish, port, out);
		if (result == CREATE_OK || result == CREATE_MOVE || result == CREATE_TOO_MANY)
			return result;
		if (*slot_out == AGENT_PORT_SLOTS)
			*slot_out = i; /* somebody else has it now */
	}
	return CREATE_NO_PORT;
}

/* A port to begin with: any of the range, or of what the key is for. 0: none of them. */
static bool agent_port_choose(
	const struct worker *w, const struct book_grant *grant, uint16_t *port_out)
{
	uint16_t first = w->conf->tcp_range_start, last = w->conf->tcp_range_end;

	*port_out = 0;
	if (!grant || !grant->scope.port_first)
		return true;
	if (grant->scope.port_first > first)
		first = grant->scope.port_first;
	if (grant->scope.port_last < last)
		last = grant->scope.port_last;
	if (first > last)
		return false;
	*port_out = (uint16_t)(first + rand_below(last - first + 1u));
	return true;
}

static enum create_result agent_port_try(
	struct worker *w, const struct create_wish *wish, struct create_outcome *out)
{
	struct session_tunnel_wish *session = wish->ctx;
	enum create_result result = CREATE_NO_PORT;
	uint16_t port;

	if (!agent_port_choose(w, wish->grant, &port))
		return CREATE_OTHER_PORT;
	port = ports_take(w->shared->tcp_ports, port);
	if (!port)
		return CREATE_NO_PORT;
	session->has_port = true;
	if (auth_may_port(wish->grant, port))
		result = agent_port_ask(w, wish, port, out);
	if (session->has_port)
		ports_put(w->shared->tcp_ports, port);
	session->has_port = false;
	return result;
}

static bool agent_port_goes_on(enum create_result result)
{
	return result == CREATE_NO_PORT || result == CREATE_MOVE || create_is_taken(result);
}

static enum create_result agent_port_any(
	struct worker *w, const struct create_wish *wish, struct create_outcome *out)
{
	const struct session_tunnel_wish *session = wish->ctx;
	char text[AGENT_PORT_SLOT_MAX];
	unsigned slot;
	enum create_result result = agent_port_again(w, wish, &slot, out);

	if (result != CREATE_NO_PORT)
		return result;
	for (int i = 0; i < AGENT_PORT_TRIES && agent_port_goes_on(result); i++)
		result = agent_port_try(w, wish, out);
	if (result == CREATE_OK && slot < AGENT_PORT_SLOTS)
		clerk_keep_port(w, agent_port_slot(wish->grant, slot, text), session->port);
	return agent_port_goes_on(result) ? CREATE_NO_PORT : result;
}

enum create_result agent_port_open(
	struct worker *w, const struct create_wish *wish, uint16_t port, struct create_outcome *out)
{
	if (!w->shared->tcp_ports)
		return CREATE_NO_TCP;
	if (!auth_may_tcp(wish->grant))
		return CREATE_OTHER_PROTO;
	if (!port)
		return agent_port_any(w, wish, out);
	if (!agent_port_is_ours(w, port) || !auth_may_port(wish->grant, port))
		return CREATE_OTHER_PORT;
	return agent_port_ask(w, wish, port, out);
}

/* Not in turn from the first: after a restart the agents that run ask for the ports they had, and
 * who comes before them shall hardly get one of these. */
struct ports *agent_port_range(const struct relay_conf *conf)
{
	struct ports *ports = ports_new(conf->tcp_range_start, conf->tcp_range_end);

	ports_skip(ports, rand_below(ports_free_count(ports)));
	return ports;
}
