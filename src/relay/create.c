/*
 * The rules of names, on the worker where the name is at home. A name that is kept for an account
 * goes to that account, whoever has it now, and to nobody else.
 */
#include "relay/create.h"

#include <stdio.h>

#include "base/check.h"
#include "base/err.h"
#include "base/glob.h"
#include "relay/auth.h"
#include "relay/clerk.h"
#include "relay/directory.h"
#include "relay/holdings.h"
#include "relay/name.h"
#include "relay/peer_log.h"
#include "relay/tunnel.h"
#include "relay/worker.h"

#define CREATE_RANDOM_TRIES 100

bool create_is_taken(enum create_result result)
{
	return result == CREATE_IN_USE || result == CREATE_RESERVED || result == CREATE_KEPT;
}

static bool create_may_protect(
	struct worker *w, const struct create_wish *wish, struct slice holder)
{
	return !wish->gate.password_hash ||
		holdings_take(w->shared->holdings, holder, HOLDING_PASSWORDS,
			auth_passwords_max(w, wish->grant));
}

static void create_set_gate(struct tunnel *t, const struct create_wish *wish)
{
	if (!wish->keeps_gate && !tunnel_gate_is(t->gate, &wish->gate))
		tunnel_put_gate(t, tunnel_gate_new(t->worker, &wish->gate));
}

/* The name was claimed for this worker: make its tunnel. */
static enum create_result create_open(struct worker *w, const struct create_wish *wish,
	struct slice name, struct create_outcome *out)
{
	char text[AUTH_HOLDER_MAX];
	struct slice holder = auth_holder(wish->grant, wish->source, text);
	uint64_t most = auth_tunnels_max(w, wish->grant);
	int err;

	if (!holdings_take(w->shared->holdings, holder, HOLDING_TUNNELS, most))
		return CREATE_TOO_MANY;
	if (!create_may_protect(w, wish, holder)) {
		holdings_put(w->shared->holdings, holder, HOLDING_TUNNELS);
		return CREATE_TOO_MANY_PASSWORDS;
	}
	err = wish->kind->open(w, wish, name, &out->tunnel);
	if (!err) {
		tunnel_hold(out->tunnel, holder);
		out->tunnel->counts_password = wish->gate.password_hash;
		create_set_gate(out->tunnel, wish);
		tunnel_settle(out->tunnel);
		return CREATE_OK;
	}
	holdings_put(w->shared->holdings, holder, HOLDING_TUNNELS);
	if (wish->gate.password_hash)
		holdings_put(w->shared->holdings, holder, HOLDING_PASSWORDS);
	if (err == ERR_NO_FDS)
		worker_lacks_descriptors(w);
	return CREATE_NO_PORT;
}

/* A tunnel with a key behind it gets its port back after a restart of the relay. */
static void create_note_key(struct worker *w, struct tunnel *t, const struct book_grant *grant)
{
	uint16_t port = t->ops->port(t);

	tunnel_set_key(t, grant ? grant->key_id : "");
	if (!grant)
		return;
	clerk_note_use(w, grant);
	if (port)
		clerk_keep_port(w, tunnel_name(t), port);
}

/* The same, or else the name is given back. */
static enum create_result create_claimed(struct worker *w, const struct create_wish *wish,
	struct slice name, struct create_outcome *out)
{
	enum create_result result = create_open(w, wish, name, out);

	if (result == CREATE_OK)
		create_note_key(w, out->tunnel, wish->grant);
	else
		directory_release(w->shared->directory, name, 0);
	return result;
}

static enum create_result create_held(const struct tunnel *t, struct create_outcome *out)
{
	if (t->state == TUNNEL_ONLINE)
		return CREATE_IN_USE;
	out->seconds = tunnel_grace_left_s(t);
	return CREATE_RESERVED;
}

/* out->home says where; the name may be another one than was asked for. */
static enum create_result create_elsewhere(
	const struct create_wish *wish, struct create_outcome *out)
{
	out->name_len = slice_to_str(wish->name, out->name, sizeof(out->name));
	return CREATE_MOVE;
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
		return create_elsewhere(wish, out);
	}
	UNREACHABLE();
}

/* For another tunnel, or for what the asker's own one does not have yet. */
static enum create_result create_foresee_room(const struct worker *w,
	const struct create_wish *wish, const struct tunnel *own, bool protects)
{
	struct holdings *h = w->shared->holdings;
	char text[AUTH_HOLDER_MAX];
	struct slice holder =
		own ? slice_from_str(own->holder) : auth_holder(wish->grant, wish->source, text);

	if (!(own && own->counts) &&
		holdings_count(h, holder, HOLDING_TUNNELS) >= auth_tunnels_max(w, wish->grant))
		return CREATE_TOO_MANY;
	if (protects && !(own && own->counts_password) &&
		holdings_count(h, holder, HOLDING_PASSWORDS) >= auth_passwords_max(w, wish->grant))
		return CREATE_TOO_MANY_PASSWORDS;
	return CREATE_OK;
}

static bool create_may_take(const struct tunnel *t, struct identity who)
{
	return identity_eq(tunnel_owner(t), who) ||
		auth_name_of(t->worker, tunnel_name(t), who) == AUTH_NAME_OURS;
}

enum create_result create_foresee_anew(const struct tunnel *t, const struct create_wish *wish,
	bool protects, struct create_outcome *out)
{
	char text[AUTH_HOLDER_MAX];
	struct slice holder = auth_holder(wish->grant, wish->source, text);
	bool own = t->holder && slice_eq(slice_from_str(t->holder), holder);

	if (!create_may_take(t, wish->who))
		return create_held(t, out);
	return create_foresee_room(t->worker, wish, own ? t : NULL, protects);
}

/* Whether its owner gets it as it is: then it goes on counting for whom it did. */
static bool create_goes_on(const struct tunnel *t, const struct create_wish *wish)
{
	return identity_eq(tunnel_owner(t), wish->who) && wish->kind->is(t);
}

/* Before its owner gets it once more: one in its grace period takes the room of a new one. */
static enum create_result create_take_room(
	struct tunnel *t, const struct create_wish *wish, struct slice holder)
{
	struct worker *w = t->worker;
	bool counts = t->counts;

	if (!counts &&
		!holdings_take(w->shared->holdings, holder, HOLDING_TUNNELS,
			auth_tunnels_max(w, wish->grant)))
		return CREATE_TOO_MANY;
	if (!t->counts_password && !create_may_protect(w, wish, holder)) {
		if (!counts)
			holdings_put(w->shared->holdings, holder, HOLDING_TUNNELS);
		return CREATE_TOO_MANY_PASSWORDS;
	}
	t->counts = true;
	t->counts_password = t->counts_password || wish->gate.password_hash;
	return CREATE_OK;
}

/* It exists here, and who asks may have it. */
static enum create_result create_again(struct worker *w, struct tunnel *t,
	const struct create_wish *wish, struct create_outcome *out)
{
	bool own = identity_eq(tunnel_owner(t), wish->who), goes_on = create_goes_on(t, wish);
	struct tunnel_gate *gate;
	enum create_result result = goes_on && t->holder
		? create_take_room(t, wish, slice_from_str(t->holder))
		: create_foresee_anew(t, wish, wish->gate.password_hash, out);

	if (result != CREATE_OK)
		return result;
	peer_log(w, slice_from_str(t->holder),
		t->state == TUNNEL_ONLINE ? "tunnel taken over" : "tunnel asked for again",
		LOG_STR("tunnel", tunnel_name(t)), LOG_STR("visitor", wish->client));
	if (goes_on) {
		wish->kind->take_over(t, wish);
		create_set_gate(t, wish);
		create_note_key(w, t, wish->grant);
		out->tunnel = t;
		return CREATE_OK;
	}
	metrics_add(w->metrics, METRIC_TUNNELS_TAKEN_OVER, 1);
	gate = own && wish->keeps_gate ? tunnel_take_gate(t) : NULL;
	tunnel_close_for(t, w->index);
	directory_arrive(w->shared->directory, wish->name, w->index);
	result = create_claim(w, wish, out);
	directory_give_up(w->shared->directory, wish->name, w->index);
	if (result == CREATE_OK && gate)
		tunnel_put_gate(out->tunnel, gate);
	else
		tunnel_gate_free(&gate);
	return result;
}

enum create_result create_tunnel_as(
	struct worker *w, const struct create_wish *wish, struct create_outcome *out)
{
	struct tunnel *t = map_get(&w->tunnels, wish->name);

	if (auth_name_of(w, wish->name, wish->who) == AUTH_NAME_THEIRS)
		return CREATE_KEPT;
	if (!t)
		return create_claim(w, wish, out);
	if (create_may_take(t, wish->who))
		return create_again(w, t, wish, out);
	return create_held(t, out);
}

/* ---- names that nobody asked for ---- */

/* One that the key may have: its own pattern, with something random in place of the star. */
static size_t create_random_name(
	const struct book_grant *grant, int attempt, char out[NAME_MAX_LEN + 1])
{
	struct slice rest = slice_from_str(grant ? grant->scope.names : NULL), pattern = rest;
	char random[NAME_MAX_LEN + 1];
	size_t len = name_random(random), star;
	int count = 0, n;

	while (glob_next(&rest, &pattern))
		count++;
	if (!count)
		return slice_to_str(slice_of(random, len), out, NAME_MAX_LEN + 1);
	rest = slice_from_str(grant->scope.names);
	for (int i = 0; i <= attempt % count; i++)
		CHECK(glob_next(&rest, &pattern));
	star = slice_find(pattern, '*');
	n = snprintf(out, NAME_MAX_LEN + 1, "%.*s%s%.*s", SLICE_ARG(slice_first(pattern, star)),
		star < pattern.len ? random : "", SLICE_ARG(slice_from(pattern, star + 1)));
	return n > 0 && n <= NAME_MAX_LEN ? (size_t)n : 0;
}

static bool create_may_be_random(
	const struct worker *w, const struct create_wish *wish, struct slice name)
{
	return name_is_valid(name) && !name_is_reserved(name, w->conf->reserved_names) &&
		auth_may_name(wish->grant, name) &&
		auth_name_of(w, name, wish->who) == AUTH_NAME_OPEN;
}

/* None is free. */
static enum create_result create_without_name(const struct create_wish *wish)
{
	return wish->grant && wish->grant->scope.names[0] ? CREATE_OTHER_NAME : CREATE_FULL;
}

static enum create_result create_random(
	struct worker *w, const struct create_wish *wish, struct create_outcome *out)
{
	char text[NAME_MAX_LEN + 1];
	unsigned home;

	for (int i = 0; i < CREATE_RANDOM_TRIES; i++) {
		struct slice name = slice_of(text, create_random_name(wish->grant, i, text));

		if (!create_may_be_random(w, wish, name))
			continue;
		switch (directory_claim(w->shared->directory, name, w->index, &home)) {
		case DIRECTORY_CLAIMED:
			return create_claimed(w, wish, name, out);
		case DIRECTORY_FULL:
			return CREATE_FULL;
		case DIRECTORY_HELD:
			break;
		}
	}
	return create_without_name(wish);
}

/* The names that this key was given before, the first one that is not in use; 0: none. */
static size_t create_durable_name(
	const struct worker *w, const struct book_grant *grant, char out[NAME_MAX_LEN + 1])
{
	struct name_record names[CLERK_NAMES_MAX];
	size_t count = !grant ? 0
			      : book_names_of_key(w->shared->book, slice_from_str(grant->key_id),
					names, CLERK_NAMES_MAX);

	for (size_t i = 0; i < count && i < CLERK_NAMES_MAX; i++) {
		struct slice name = slice_from_str(names[i].name);

		if (name_is_valid(name) && auth_may_name(grant, name) &&
			directory_is_idle(w->shared->directory, name))
			return slice_to_str(name, out, NAME_MAX_LEN + 1);
	}
	return 0;
}

static enum create_result create_unnamed(
	struct worker *w, const struct create_wish *wish, struct create_outcome *out)
{
	struct create_wish again = *wish;
	enum create_result result;
	char text[NAME_MAX_LEN + 1];

	again.name = slice_of(text, create_durable_name(w, wish->grant, text));
	if (again.name.len)
		return create_tunnel_as(w, &again, out);
	result = create_random(w, wish, out);
	if (result == CREATE_OK && wish->grant)
		clerk_give_name(w, wish->grant, tunnel_name(out->tunnel));
	return result;
}

/* What does not depend on what others have. */
static enum create_result create_check_rules(const struct worker *w, const struct create_wish *wish)
{
	if (!auth_may_http(wish->grant))
		return CREATE_OTHER_PROTO;
	if (!wish->name.len)
		return CREATE_OK;
	if (!name_is_valid(wish->name) || name_is_reserved(wish->name, w->conf->reserved_names))
		return CREATE_INVALID;
	return auth_may_name(wish->grant, wish->name) ? CREATE_OK : CREATE_OTHER_NAME;
}

typedef enum create_result (*create_fn)(
	struct worker *w, const struct create_wish *wish, struct create_outcome *out);

/* The name that is asked for, or else one of ours: made, or only looked at beforehand. */
static enum create_result create_by_rules(struct worker *w, const struct create_wish *wish,
	struct create_outcome *out, create_fn named, create_fn unnamed)
{
	enum create_result result = create_check_rules(w, wish);

	if (result != CREATE_OK)
		return result;
	if (!wish->name.len)
		return unnamed(w, wish, out);
	result = named(w, wish, out);
	if (create_is_taken(result) && !w->conf->strict)
		return unnamed(w, wish, out);
	return result;
}

enum create_result create_tunnel(
	struct worker *w, const struct create_wish *wish, struct create_outcome *out)
{
	return create_by_rules(w, wish, out, create_tunnel_as, create_unnamed);
}

/* ---- beforehand ---- */

/* Under a name that nobody has. */
static enum create_result create_foresee_new(struct worker *w, const struct create_wish *wish)
{
	return directory_is_full(w->shared->directory) ? CREATE_FULL
						       : create_foresee_room(w, wish, NULL, true);
}

static enum create_result create_foresee_as(
	struct worker *w, const struct create_wish *wish, struct create_outcome *out)
{
	const struct tunnel *t = map_get(&w->tunnels, wish->name);

	if (auth_name_of(w, wish->name, wish->who) == AUTH_NAME_THEIRS)
		return CREATE_KEPT;
	if (!t && directory_find(w->shared->directory, wish->name, &out->home) &&
		out->home != w->index)
		return create_elsewhere(wish, out);
	if (!t)
		return create_foresee_new(w, wish);
	return create_goes_on(t, wish) ? create_foresee_room(w, wish, t->holder ? t : NULL, true)
				       : create_foresee_anew(t, wish, true, out);
}

static enum create_result create_foresee_random(struct worker *w, const struct create_wish *wish)
{
	char text[NAME_MAX_LEN + 1];
	unsigned home;

	for (int i = 0; i < CREATE_RANDOM_TRIES; i++) {
		struct slice name = slice_of(text, create_random_name(wish->grant, i, text));

		if (create_may_be_random(w, wish, name) &&
			!directory_find(w->shared->directory, name, &home))
			return create_foresee_new(w, wish);
	}
	return create_without_name(wish);
}

static enum create_result create_foresee_unnamed(
	struct worker *w, const struct create_wish *wish, struct create_outcome *out)
{
	struct create_wish again = *wish;
	char text[NAME_MAX_LEN + 1];

	again.name = slice_of(text, create_durable_name(w, wish->grant, text));
	return again.name.len ? create_foresee_as(w, &again, out) : create_foresee_random(w, wish);
}

enum create_result create_foresee(
	struct worker *w, const struct create_wish *wish, struct create_outcome *out)
{
	return create_by_rules(w, wish, out, create_foresee_as, create_foresee_unnamed);
}
