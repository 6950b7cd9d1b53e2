/* Puts the parts of a gate together. */
#include "relay/tunnel_gate.h"

#include "base/mem.h"
#include "relay/gate_password.h"

const struct slice tunnel_gate_cookies[TUNNEL_GATE_COOKIES] = {
	{"__adit_session", 14},
	{"__Host-__adit_session", 21},
	{"__adit_csrf", 11},
	{"__Host-__adit_csrf", 18},
};

struct tunnel_gate *tunnel_gate_new(struct worker *w, const struct tunnel_gate_wish *wish)
{
	struct tunnel_gate *gate;

	if (!wish->password_hash)
		return NULL;
	gate = MEM_NEW(struct tunnel_gate);
	gate->password = gate_password_new(w, wish->password_hash);
	return gate;
}

void tunnel_gate_free(struct tunnel_gate **gate)
{
	if (!*gate)
		return;
	gate_password_free(&(*gate)->password);
	mem_free(*gate);
	*gate = NULL;
}

bool tunnel_gate_is(const struct tunnel_gate *gate, const struct tunnel_gate_wish *wish)
{
	if (!gate || !wish->password_hash)
		return !gate && !wish->password_hash;
	return slice_eq(gate_password_hash(gate->password), slice_from_str(wish->password_hash));
}
