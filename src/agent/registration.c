/*
 * A tunnel's way on one lane:
 *
 *     NONE -> ASKED -> UP -> (lane lost) NONE
 *              |        '-> CLOSING -> gone
 *              |-> WAITING -> ASKED ...
 *              '-> REFUSED, or the whole tunnel is dead
 */
#include "agent/registration.h"

#include "agent/report.h"
#include "base/check.h"
#include "base/mem.h"
#include "wire/control.h"

#define REGISTRATION_NUMBER_MAX 2147483647u

static struct registration *registration_of(struct list *node)
{
	return CONTAINER_OF(node, struct registration, node);
}

static bool registration_has(const struct registration *reg, enum registration_state state)
{
	for (size_t i = 0; i < REGISTRATION_LANES_MAX; i++) {
		if (reg->states[i] == state)
			return true;
	}
	return false;
}

/* A lane of it that the relay may know something about. */
static bool registration_is_known(const struct registration *reg)
{
	return registration_has(reg, REGISTRATION_ASKED) ||
		registration_has(reg, REGISTRATION_UP) ||
		registration_has(reg, REGISTRATION_CLOSING);
}

void registration_free(struct registration **reg_ptr)
{
	struct registration *reg = *reg_ptr;

	if (!reg)
		return;
	*reg_ptr = NULL;
	tunnel_spec_deinit(&reg->spec);
	mem_free(reg->name);
	mem_free(reg->url);
	mem_free(reg->url_before);
	mem_free(reg);
}

void registrations_init(
	struct registrations *r, unsigned lanes, backoff_random_fn random, void *ctx)
{
	CHECK(lanes >= 1 && lanes <= REGISTRATION_LANES_MAX);
	*r = (struct registrations) {.lanes = lanes, .random = random, .ctx = ctx};
	list_init(&r->wanted);
	list_init(&r->leaving);
}

static void registrations_free_list(struct list *list)
{
	struct list *node;

	while ((node = list_pop(list)) != NULL) {
		struct registration *reg = registration_of(node);

		registration_free(&reg);
	}
}

void registrations_deinit(struct registrations *r)
{
	registrations_free_list(&r->wanted);
	registrations_free_list(&r->leaving);
}

/* ---- what is wanted ---- */

static bool registration_is_text_equal(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

/* Whether the relay would notice no difference. */
static bool registration_is_public_equal(const struct tunnel_spec *a, const struct tunnel_spec *b)
{
	return a->proto == b->proto && a->remote_port == b->remote_port &&
		registration_is_text_equal(a->subdomain, b->subdomain);
}

static bool registration_is_all_equal(const struct tunnel_spec *a, const struct tunnel_spec *b)
{
	return registration_is_public_equal(a, b) && tunnel_guard_is_equal(&a->guard, &b->guard);
}

static struct registration *registrations_add(
	struct registrations *r, const struct tunnel_spec *spec)
{
	struct registration *reg = MEM_NEW(struct registration);

	tunnel_spec_copy(&reg->spec, spec);
	CHECK(r->last_number < REGISTRATION_NUMBER_MAX);
	reg->number = ++r->last_number;
	reg->is_new = true;
	backoff_init(&reg->backoff, r->random, r->ctx);
	list_append(&r->wanted, &reg->node);
	return reg;
}

/* Only what guards it has changed: its address stays. */
static void registration_inherit(struct registration *reg, struct registration *before)
{
	if (before->is_dead || !registration_is_public_equal(&reg->spec, &before->spec))
		return;
	reg->name = before->name;
	reg->port = before->port;
	before->name = NULL;
}

static void registration_change(struct registration *reg, const struct tunnel_spec *spec)
{
	if (tunnel_spec_is_equal(&reg->spec, spec))
		return;
	tunnel_spec_deinit(&reg->spec);
	tunnel_spec_copy(&reg->spec, spec);
	reg->is_new = true;
}

static struct registration *registrations_pop_label(struct list *list, const char *label)
{
	LIST_EACH (node, list) {
		struct registration *reg = registration_of(node);

		if (registration_is_text_equal(reg->spec.label, label)) {
			list_remove(node);
			return reg;
		}
	}
	return NULL;
}

void registrations_set(struct registrations *r, const struct tunnel_spec *specs, size_t count)
{
	struct list before;

	list_init(&before);
	list_splice(&before, &r->wanted);
	for (size_t i = 0; i < count; i++) {
		struct registration *reg = registrations_pop_label(&before, specs[i].label), *next;

		/* What is dead is tried anew: whoever sets tunnels again hopes that it works. */
		if (reg && !reg->is_dead && registration_is_all_equal(&reg->spec, &specs[i])) {
			registration_change(reg, &specs[i]);
			list_append(&r->wanted, &reg->node);
			continue;
		}
		next = registrations_add(r, &specs[i]);
		if (!reg)
			continue;
		registration_inherit(next, reg);
		list_append(&r->leaving, &reg->node);
	}
	list_splice(&r->leaving, &before);
}

void registrations_clear(struct registrations *r)
{
	list_splice(&r->leaving, &r->wanted);
}

struct registration *registrations_find_new(struct registrations *r)
{
	LIST_EACH (node, &r->wanted) {
		if (registration_of(node)->is_new)
			return registration_of(node);
	}
	return NULL;
}

struct registration *registrations_take_gone(struct registrations *r)
{
	LIST_EACH (node, &r->leaving) {
		if (registration_is_known(registration_of(node)))
			continue;
		list_remove(node);
		return registration_of(node);
	}
	return NULL;
}

/* ---- what to say ---- */

static struct registration *registrations_next_leaving(struct registrations *r, unsigned lane)
{
	LIST_EACH (node, &r->wanted) {
		if (registration_of(node)->is_dead &&
			registration_of(node)->states[lane] == REGISTRATION_UP)
			return registration_of(node);
	}
	LIST_EACH (node, &r->leaving) {
		enum registration_state state = registration_of(node)->states[lane];

		if (state == REGISTRATION_UP || state == REGISTRATION_ASKED)
			return registration_of(node);
	}
	return NULL;
}

static bool registration_may_ask(const struct registration *reg, unsigned lane, uint64_t now_ms)
{
	enum registration_state state = reg->states[lane];

	if (reg->is_dead || reg->is_new)
		return false;
	if (state != REGISTRATION_NONE && (state != REGISTRATION_WAITING || now_ms < reg->retry_at))
		return false;
	/* Only once its name is known, or two lanes would get two names. */
	return registration_has(reg, REGISTRATION_UP) || !registration_has(reg, REGISTRATION_ASKED);
}

static void registration_ask(
	const struct registration *reg, bool share, struct control *message_out)
{
	message_out->type = CONTROL_REGISTER;
	message_out->tunnel = reg->number;
	message_out->share = share;
	if (reg->spec.proto == TUNNEL_TCP) {
		message_out->proto = CONTROL_TCP;
		message_out->port = reg->spec.remote_port ? reg->spec.remote_port : reg->port;
		return;
	}
	message_out->proto = CONTROL_HTTP;
	tunnel_guard_put(&reg->spec.guard, message_out);
	message_out->subdomain = reg->spec.subdomain ? reg->spec.subdomain : reg->name;
}

bool registrations_next(
	struct registrations *r, unsigned lane, uint64_t now_ms, struct control *message_out)
{
	struct registration *leaving = registrations_next_leaving(r, lane);

	*message_out = (struct control) {0};
	/* First what goes: its name or port may be wanted again. */
	if (leaving) {
		leaving->states[lane] = REGISTRATION_CLOSING;
		message_out->type = CONTROL_UNREGISTER;
		message_out->tunnel = leaving->number;
		return true;
	}
	LIST_EACH (node, &r->wanted) {
		struct registration *reg = registration_of(node);

		if (!registration_may_ask(reg, lane, now_ms))
			continue;
		reg->states[lane] = REGISTRATION_ASKED;
		registration_ask(reg, r->lanes > 1, message_out);
		return true;
	}
	return false;
}

bool registrations_first(const struct registrations *r, struct control *message_out)
{
	*message_out = (struct control) {0};
	LIST_EACH (node, &r->wanted) {
		const struct registration *reg = registration_of(node);

		if (reg->is_dead)
			continue;
		registration_ask(reg, r->lanes > 1, message_out);
		return true;
	}
	return false;
}

bool registrations_is_waiting(const struct registrations *r)
{
	LIST_EACH (node, &r->wanted) {
		const struct registration *reg = registration_of(node);

		if (!reg->is_dead && registration_has(reg, REGISTRATION_WAITING))
			return true;
	}
	return false;
}

/* ---- what the relay says ---- */

static struct registration *registrations_find(struct list *list, uint32_t number)
{
	LIST_EACH (node, list) {
		if (registration_of(node)->number == number)
			return registration_of(node);
	}
	return NULL;
}

static char *registration_keep(const char *text)
{
	return text ? mem_dup_str(text, strnlen(text, REGISTRATION_TEXT_MAX)) : NULL;
}

/* Another lane may only have what the first one got. */
static bool registration_is_same_place(
	const struct registration *reg, const struct control *message)
{
	return reg->spec.proto == TUNNEL_TCP ? reg->port == message->port
					     : registration_is_text_equal(reg->name, message->name);
}

void registration_kill(struct registration *reg)
{
	reg->is_dead = true;
	reg->is_up = false;
}

/* Keeps where it is now, and where it was if that was elsewhere. */
static void registration_settle(struct registration *reg, const struct control *message)
{
	mem_free(reg->url_before);
	reg->url_before = reg->url;
	mem_free(reg->name);
	reg->name = registration_keep(message->name);
	reg->url = registration_keep(message->url);
	reg->port = message->port;
	if (!registration_is_text_equal(reg->url, reg->url_before))
		return;
	mem_free(reg->url_before);
	reg->url_before = NULL;
}

static enum registration_event registration_come_up(
	struct registration *reg, unsigned lane, const struct control *message, uint64_t now_ms)
{
	bool again = reg->is_up && registration_is_text_equal(reg->url, message->url);

	if (reg->states[lane] != REGISTRATION_ASKED)
		return REGISTRATION_NOTHING;
	if (registration_has(reg, REGISTRATION_UP) && !registration_is_same_place(reg, message)) {
		reg->states[lane] = REGISTRATION_REFUSED;
		return REGISTRATION_NOTHING;
	}
	reg->states[lane] = REGISTRATION_UP;
	if (tunnel_guard_is_set(&reg->spec.guard) && !message->is_protected) {
		registration_kill(reg);
		return REGISTRATION_IS_BARE;
	}
	reg->is_up = true;
	reg->is_protected = message->is_protected;
	backoff_up(&reg->backoff, now_ms);
	if (again)
		return REGISTRATION_NOTHING;
	registration_settle(reg, message);
	return REGISTRATION_IS_UP;
}

static bool registration_is_about_wish(const struct control *message)
{
	/* no-free-port: another program listens at the one that was asked for. */
	static const char *const codes[] = {"name-in-use", "name-reserved", "name-not-allowed",
		"invalid-name", "port-in-use", "port-not-allowed", "no-free-port"};

	for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
		if (registration_is_text_equal(message->code, codes[i]))
			return true;
	}
	return false;
}

/* What was asked for only because it was there before need not be had. */
static bool registration_forget_wish(struct registration *reg, const struct control *message)
{
	bool had_one = reg->spec.proto == TUNNEL_TCP ? reg->port && !reg->spec.remote_port
						     : reg->name && !reg->spec.subdomain;

	if (!had_one || !registration_is_about_wish(message))
		return false;
	mem_free(reg->name);
	reg->name = NULL;
	reg->port = 0;
	return true;
}

static void registration_wait(
	struct registration *reg, unsigned lane, unsigned retry_after_s, uint64_t now_ms)
{
	const struct backoff_end end = {
		.now_ms = now_ms, .retry_after_ms = retry_after_s * UINT64_C(1000)};

	backoff_down(&reg->backoff, now_ms);
	reg->states[lane] = REGISTRATION_WAITING;
	reg->retry_at = now_ms + backoff_next(&reg->backoff, &end);
}

static enum registration_event registration_fail(
	struct registration *reg, unsigned lane, const struct control *message, uint64_t now_ms)
{
	bool was_asked = reg->states[lane] == REGISTRATION_ASKED;
	bool was_up = reg->states[lane] == REGISTRATION_UP;

	if (reg->is_dead || (!was_asked && !was_up))
		return REGISTRATION_NOTHING;
	reg->states[lane] = REGISTRATION_NONE;
	if (registration_has(reg, REGISTRATION_UP)) {
		if (message->fatal)
			reg->states[lane] = REGISTRATION_REFUSED;
		else
			registration_wait(reg, lane, message->retry_after_s, now_ms);
		return REGISTRATION_NOTHING;
	}
	if (was_asked && registration_forget_wish(reg, message)) {
		reg->retry_at = now_ms;
		return REGISTRATION_AGAIN;
	}
	reg->is_up = false;
	if (message->fatal) {
		registration_kill(reg);
		return REGISTRATION_IS_DEAD;
	}
	registration_wait(reg, lane, message->retry_after_s, now_ms);
	return was_up ? REGISTRATION_IS_DOWN : REGISTRATION_AGAIN;
}

static void registrations_take_leaving(
	struct registrations *r, unsigned lane, const struct control *message)
{
	struct registration *reg = registrations_find(&r->leaving, message->tunnel);

	/* An error behind the unregister is the answer to the register before it. */
	if (reg && message->type == CONTROL_CLOSED)
		reg->states[lane] = REGISTRATION_NONE;
}

enum registration_event registrations_take(struct registrations *r, unsigned lane,
	const struct control *message, uint64_t now_ms, struct registration **reg_out)
{
	struct registration *reg = registrations_find(&r->wanted, message->tunnel);

	*reg_out = reg;
	if (!reg) {
		registrations_take_leaving(r, lane, message);
		return REGISTRATION_NOTHING;
	}
	if (message->type == CONTROL_REGISTERED)
		return registration_come_up(reg, lane, message, now_ms);
	if (message->type == CONTROL_ERROR)
		return registration_fail(reg, lane, message, now_ms);
	/* One that was taken back. */
	if (message->type == CONTROL_CLOSED)
		reg->states[lane] = REGISTRATION_NONE;
	return REGISTRATION_NOTHING;
}

void registrations_lose_lane(struct registrations *r, unsigned lane)
{
	struct list *lists[] = {&r->wanted, &r->leaving};

	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		LIST_EACH (node, lists[i]) {
			struct registration *reg = registration_of(node);

			reg->states[lane] = REGISTRATION_NONE;
			reg->is_up = !reg->is_dead && registration_has(reg, REGISTRATION_UP);
		}
	}
}

void registration_tell(const struct registration *reg, const struct control *message,
	struct report *report, struct buf *target)
{
	target_print(target, &reg->spec.target, reg->spec.proto);
	report->tunnel = slice_from_str(reg->spec.label);
	report->url = slice_from_str(reg->url);
	report->target = buf_slice(target);
	report->tcp = reg->spec.proto == TUNNEL_TCP;
	report->is_protected = reg->is_protected;
	if (report->kind == REPORT_TUNNEL_UP) {
		report->url_before = slice_from_str(reg->url_before);
		if (!registration_is_text_equal(reg->name, reg->spec.subdomain))
			report->name_wanted = slice_from_str(reg->spec.subdomain);
	}
	if (report->kind == REPORT_TUNNEL_UP || !message)
		return;
	report->code = slice_from_str(message->code);
	report->message = slice_from_str(message->message);
}

bool registrations_are_dead(const struct registrations *r)
{
	LIST_EACH (node, &r->wanted) {
		if (!registration_of(node)->is_dead)
			return false;
	}
	return !list_is_empty(&r->wanted);
}
