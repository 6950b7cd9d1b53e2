/* The rules of names, on the worker where the name is at home. */
#include "relay/create.h"

#include "base/check.h"
#include "relay/directory.h"
#include "relay/name.h"
#include "relay/tunnel.h"
#include "relay/worker.h"

#define CREATE_RANDOM_TRIES 100

/* The name was claimed for this worker: make its tunnel, or give the name back. */
static enum create_result create_claimed(struct worker *w, const struct create_wish *wish,
	struct slice name, struct create_outcome *out)
{
	if (wish->kind->open(w, wish, name, &out->tunnel) == 0) {
		tunnel_settle(out->tunnel);
		return CREATE_OK;
	}
	directory_release(w->shared->directory, name, 0);
	return CREATE_NO_PORT;
}

static enum create_result create_random(
	struct worker *w, const struct create_wish *wish, struct create_outcome *out)
{
	char text[NAME_MAX_LEN + 1];
	unsigned home;

	for (int i = 0; i < CREATE_RANDOM_TRIES; i++) {
		struct slice name = slice_of(text, name_random(text));

		switch (directory_claim(w->shared->directory, name, w->index, &home)) {
		case DIRECTORY_CLAIMED:
			return create_claimed(w, wish, name, out);
		case DIRECTORY_FULL:
			return CREATE_FULL;
		case DIRECTORY_HELD:
			break;
		}
	}
	return CREATE_FULL;
}

enum create_result create_held(const struct tunnel *t, struct create_outcome *out)
{
	if (t->state == TUNNEL_ONLINE)
		return CREATE_IN_USE;
	out->seconds = tunnel_grace_left_s(t);
	return CREATE_RESERVED;
}

static enum create_result create_claim(
	struct worker *w, const struct create_wish *wish, struct create_outcome *out)
{
	switch (directory_claim(w->shared->directory, wish->name, w->index, &out->home)) {
	case DIRECTORY_CLAIMED:
		return create_claimed(w, wish, wish->name, out);
	case DIRECTORY_FULL:
		return CREATE_FULL;
	case DIRECTORY_HELD:
		return CREATE_MOVE;
	}
	UNREACHABLE();
}

/* It exists here and the owner asks for it again. */
static enum create_result create_again(struct worker *w, struct tunnel *t,
	const struct create_wish *wish, struct create_outcome *out)
{
	log_info(w->shared->log,
		t->state == TUNNEL_ONLINE ? "tunnel taken over" : "tunnel asked for again",
		LOG_STR("tunnel", tunnel_name(t)), LOG_STR("visitor", wish->client));
	if (wish->kind->take_over(t, wish)) {
		out->tunnel = t;
		return CREATE_OK;
	}
	metrics_add(w->metrics, METRIC_TUNNELS_TAKEN_OVER, 1);
	tunnel_close(t);
	return create_claim(w, wish, out);
}

enum create_result create_tunnel_as(
	struct worker *w, const struct create_wish *wish, struct create_outcome *out)
{
	struct tunnel *t = map_get(&w->tunnels, wish->name);

	if (!t)
		return create_claim(w, wish, out);
	if (identity_eq(tunnel_owner(t), wish->who))
		return create_again(w, t, wish, out);
	return create_held(t, out);
}

enum create_result create_tunnel(
	struct worker *w, const struct create_wish *wish, struct create_outcome *out)
{
	enum create_result result;

	if (!wish->name.len)
		return create_random(w, wish, out);
	if (!name_is_valid(wish->name) || name_is_reserved(wish->name, w->conf->reserved_names))
		return CREATE_INVALID;
	result = create_tunnel_as(w, wish, out);
	if ((result == CREATE_IN_USE || result == CREATE_RESERVED) && !w->conf->strict)
		return create_random(w, wish, out);
	return result;
}
