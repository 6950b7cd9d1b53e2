/* The rules of names, on the worker where the name is at home. */
#include "relay/create.h"

#include "base/check.h"
#include "relay/directory.h"
#include "relay/lt_pool.h"
#include "relay/name.h"
#include "relay/tunnel.h"
#include "relay/worker.h"

#define CREATE_RANDOM_TRIES 100

/* The name was claimed for this worker: make its tunnel, or give the name back. */
static enum create_result create_claimed(
	struct worker *w, struct slice name, struct identity who, struct create_outcome *out)
{
	if (lt_pool_open(w, name, who, &out->tunnel) != 0) {
		directory_release(w->shared->directory, name, 0);
		return CREATE_NO_PORT;
	}
	log_info(w->shared->log, "tunnel created", LOG_STR("tunnel", name),
		LOG_INT("port", lt_pool_port(out->tunnel)), LOG_STR("visitor", out->client));
	return CREATE_OK;
}

static enum create_result create_random(
	struct worker *w, struct identity who, struct create_outcome *out)
{
	char text[NAME_MAX_LEN + 1];
	unsigned home;

	for (int i = 0; i < CREATE_RANDOM_TRIES; i++) {
		struct slice name = slice_of(text, name_random(text));

		switch (directory_claim(w->shared->directory, name, w->index, &home)) {
		case DIRECTORY_CLAIMED:
			return create_claimed(w, name, who, out);
		case DIRECTORY_FULL:
			return CREATE_FULL;
		case DIRECTORY_HELD:
			break;
		}
	}
	return CREATE_FULL;
}

static enum create_result create_refuse(
	struct worker *w, struct tunnel *t, struct identity who, struct create_outcome *out)
{
	if (!w->conf->strict)
		return create_random(w, who, out);
	if (t->state == TUNNEL_ONLINE)
		return CREATE_IN_USE;
	out->seconds = tunnel_grace_left_s(t);
	return CREATE_RESERVED;
}

/* The tunnel exists here: its owner gets it back, everybody else does not. */
static enum create_result create_existing(
	struct worker *w, struct tunnel *t, struct identity who, struct create_outcome *out)
{
	if (!identity_eq(tunnel_owner(t), who))
		return create_refuse(w, t, who, out);
	log_info(w->shared->log,
		t->state == TUNNEL_ONLINE ? "tunnel taken over" : "tunnel asked for again",
		LOG_STR("tunnel", tunnel_name(t)), LOG_STR("visitor", out->client));
	lt_pool_take_over(t);
	out->tunnel = t;
	return CREATE_OK;
}

enum create_result create_tunnel(
	struct worker *w, struct slice name, struct identity who, struct create_outcome *out)
{
	struct tunnel *t;

	if (!name.len)
		return create_random(w, who, out);
	if (!name_is_valid(name) || name_is_reserved(name, w->conf->reserved_names))
		return CREATE_INVALID;
	t = map_get(&w->tunnels, name);
	if (t)
		return create_existing(w, t, who, out);
	switch (directory_claim(w->shared->directory, name, w->index, &out->home)) {
	case DIRECTORY_CLAIMED:
		return create_claimed(w, name, who, out);
	case DIRECTORY_FULL:
		return CREATE_FULL;
	case DIRECTORY_HELD:
		return CREATE_MOVE;
	}
	UNREACHABLE();
}
