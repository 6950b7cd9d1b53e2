/*
 * One registration at a time for each session. While another worker gives a name up, the object
 * travels there and back as a posted task; the agent's side may be over when it returns.
 */
#include "relay/agent_register.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/secret.h"
#include "relay/agent_fault.h"
#include "relay/agent_message.h"
#include "relay/agent_port.h"
#include "relay/agent_refusal.h"
#include "relay/agent_session_priv.h"
#include "relay/auth.h"
#include "relay/create.h"
#include "relay/directory.h"
#include "relay/gate_hash.h"
#include "relay/name.h"
#include "relay/peer_log.h"
#include "relay/public_url.h"
#include "relay/session_tunnel.h"
#include "relay/tcp_tunnel.h"
#include "relay/worker.h"
#include "store/book.h"
#include "wire/control.h"

#define AGENT_REGISTER_TRIES 8 /* a name that always lives elsewhere again */

struct registration {
	struct loop_task task; /* on its way to or from the other worker */
	struct worker *worker; /* borrowed: the agent's */
	struct worker *there; /* borrowed: who is asked to give the name up */
	void (*done)(struct agent_session *a);
	struct session_tunnel_wish wish; /* its agent is NULL once that is over */
	enum control_proto proto;
	unsigned tries;
	bool travels; /* it is on its way to the other worker, or back */
	bool picked; /* the name was not asked for: it is one that the key had before */
	bool passed; /* the other worker has given the name up for this one */
	bool looks; /* only to see what would become of it there: its password is not hashed yet */
	enum create_result result; /* of the other worker: OK when the name may be free now */
	struct create_outcome outcome;
	struct identity who;
	struct gate_hash *hash; /* owned; of its password */
	char *source; /* owned: a copy of the agent's */
	char *allow; /* owned, as those that follow: see tunnel_gate.h */
	char *deny;
	char *verify_scheme;
	char *verify_secret;
	struct book_grant *grant; /* owned: a copy of the agent's; NULL without one */
	uint16_t port; /* that was asked for, of a TCP tunnel */
	size_t name_len;
	char name[NAME_MAX_LEN + 1];
	char who_text[IDENTITY_TOKEN_MAX + 1];
};

/* ---- answers ---- */

static void agent_register_free(struct registration *r)
{
	gate_hash_free(&r->hash);
	mem_free(r->source);
	mem_free(r->allow);
	mem_free(r->deny);
	mem_free(r->verify_scheme);
	secret_free(&r->verify_secret);
	mem_free(r->grant);
	mem_free(r);
}

static void agent_register_refused(struct registration *r, enum create_result why)
{
	struct agent_message_fault fault = agent_fault_of(why);

	fault.tunnel = r->wish.number;
	if (!fault.fatal)
		fault.retry_after_s = why == CREATE_RESERVED ? r->outcome.seconds
							     : r->worker->conf->retry_after_s;
	if (r->proto == CONTROL_TCP && create_is_taken(why)) {
		fault.code = "port-in-use";
		fault.message = "The port belongs to another client's tunnel.";
	}
	agent_refusal_tell(r->wish.agent, &fault);
}

/* Too many passwords of other tunnels are being hashed. */
static void agent_register_busy(struct registration *r)
{
	const struct agent_message_fault fault = {
		.tunnel = r->wish.number,
		.code = "overloaded",
		.message = "The relay hashes as many passwords as it may at the moment.",
		.retry_after_s = r->worker->conf->retry_after_s,
	};

	agent_refusal_tell(r->wish.agent, &fault);
	agent_register_free(r);
}

static void agent_register_write_url(
	struct buf *out, const struct agent_session *a, const struct tunnel *t, uint16_t port)
{
	const struct http_host *host = a->has_host ? &a->host : NULL;
	const struct worker *w = a->worker;

	if (!port) {
		public_url_write(out, w->conf, tunnel_name(t), host, w->shared->public_port);
		return;
	}
	buf_append_str(out, "tcp://");
	public_url_write_host(out, w->conf, host);
	buf_append_char(out, ':');
	buf_append_u64(out, port);
}

static void agent_register_registered(struct registration *r, struct tunnel *t)
{
	struct agent_session *a = r->wish.agent;
	struct control answer = {
		.type = CONTROL_REGISTERED,
		.tunnel = r->wish.number,
		.proto = r->proto,
		.port = r->proto == CONTROL_TCP ? tcp_tunnel_port(t) : 0,
		.is_protected = t->gate != NULL,
	};
	struct buf url = {0};

	agent_register_write_url(&url, a, t, answer.port);
	buf_append_char(&url, '\0');
	answer.url = url.base;
	answer.name = r->proto == CONTROL_TCP ? NULL : t->name;
	peer_log(a->worker, slice_from_str(t->holder), "tunnel registered",
		LOG_STR("tunnel", tunnel_name(t)), LOG_STR("url", slice_from_str(url.base)),
		LOG_STR("session", agent_session_name(a)),
		LOG_STR("client", slice_from_str(a->client)));
	agent_message_send(a, &answer);
	session_tunnel_refresh(CONTAINER_OF(t, struct session_tunnel, tunnel));
	buf_release(&url);
}

/* ---- names ---- */

static void agent_register_on_there(struct loop_task *task);

static struct tunnel_gate_wish agent_register_gate(const struct registration *r)
{
	return (struct tunnel_gate_wish) {
		.password_hash = r->hash ? gate_hash_text(r->hash) : NULL,
		.allow = r->allow,
		.deny = r->deny,
		.verify_scheme = r->verify_scheme,
		.verify_secret = r->verify_secret,
	};
}

static struct create_wish agent_register_wish(struct registration *r)
{
	struct create_wish wish = {
		.kind = session_tunnel_kind(),
		.name = slice_of(r->name, r->name_len),
		.who = r->who,
		.grant = r->grant,
		.client = slice_from_str(r->wish.agent->client),
		.source = slice_from_str(r->wish.agent->source),
		.ctx = &r->wish,
		.gate = agent_register_gate(r),
	};

	/* Who joins others does not take away what stands before their tunnel. */
	wish.keeps_gate = r->wish.share && tunnel_gate_is(NULL, &wish.gate);
	return wish;
}

static enum create_result agent_register_ask(struct registration *r)
{
	struct create_wish wish = agent_register_wish(r);

	if (r->proto == CONTROL_HTTP)
		return create_tunnel(r->worker, &wish, &r->outcome);
	wish.kind = tcp_tunnel_kind();
	if (!wish.name.len)
		return agent_port_open(r->worker, &wish, r->port, &r->outcome);
	return create_tunnel_as(r->worker, &wish, &r->outcome); /* another worker gave it up */
}

/* Goes to the worker where the name lives; the agent's next lines wait meanwhile. */
static void agent_register_send(struct registration *r)
{
	struct slice name = slice_of(r->outcome.name, r->outcome.name_len);

	r->there = r->worker->shared->workers[r->outcome.home];
	r->picked = r->proto == CONTROL_TCP ? !r->port
					    : !slice_eq(name, slice_of(r->name, r->name_len));
	r->name_len = slice_to_str(name, r->name, sizeof(r->name));
	r->wish.agent->registration = r;
	r->travels = true;
	loop_task_init(&r->task, agent_register_on_there);
	loop_post(r->there->loop, &r->task);
}

/* Ends the registration unless it is on its way. */
static void agent_register_settle(struct registration *r, enum create_result result)
{
	if (result == CREATE_MOVE && ++r->tries <= AGENT_REGISTER_TRIES) {
		agent_register_send(r);
		return;
	}
	if (result == CREATE_OK)
		agent_register_registered(r, r->outcome.tunnel);
	else
		agent_register_refused(r, result);
	agent_register_free(r);
}

/* On the other worker, where the agent itself is not looked at: the owner gets its name, nobody
 * else does. */
static void agent_register_evict(struct registration *r)
{
	const struct create_wish wish = {
		.who = r->who, .grant = r->grant, .source = slice_from_str(r->source)};
	struct slice name = slice_of(r->name, r->name_len);
	struct tunnel *t = map_get(&r->there->tunnels, name);

	r->result = CREATE_OK;
	if (!t || r->there == r->worker) /* it was on its way there: it is looked at once more */
		return;
	if (r->picked && !directory_is_idle(r->there->shared->directory, name))
		r->result = CREATE_IN_USE; /* by another session of the key, which came first */
	else
		r->result = create_foresee_anew(t, &wish, r->hash != NULL, &r->outcome);
	if (r->result != CREATE_OK)
		return;
	if (r->wish.share && session_tunnel_is_shared(t) && session_tunnel_link_count(t)) {
		r->result = CREATE_MOVE; /* a shared tunnel has one home: see Adit-Beside */
		session_tunnel_doubt(t);
	} else if (!r->looks) {
		peer_log(r->there, slice_from_str(t->holder),
			"tunnel taken over from another worker", LOG_STR("tunnel", tunnel_name(t)));
		metrics_add(r->there->metrics, METRIC_TUNNELS_TAKEN_OVER, 1);
		tunnel_close_for(t, r->worker->index);
		r->passed = true;
	}
}

/* The name waits until there is a hash: no visitor shall come to a tunnel without its password. */
static void agent_register_hash(struct registration *r)
{
	r->looks = false;
	if (gate_hash_start(r->hash) == 0)
		r->wish.agent->registration = r;
	else
		agent_register_busy(r);
}

/* Name and plan first: what is refused shall not cost a hash. */
static void agent_register_foresee(struct registration *r)
{
	const struct create_wish wish = agent_register_wish(r);
	enum create_result result = create_foresee(r->worker, &wish, &r->outcome);

	r->looks = result == CREATE_MOVE;
	if (result == CREATE_OK)
		agent_register_hash(r);
	else
		agent_register_settle(r, result);
}

static void agent_register_go_on(struct registration *r)
{
	bool other = r->picked || (!r->worker->conf->strict && r->proto == CONTROL_HTTP);

	/* It is picked anew: somebody else may have come first even now. */
	if (r->picked)
		r->name_len = 0;
	if (r->wish.agent->leaving || r->wish.agent->why) { /* it went away meanwhile */
		agent_register_free(r);
	} else if (r->result == CREATE_OK && r->looks) {
		agent_register_hash(r);
	} else if (r->result == CREATE_OK) {
		agent_register_settle(r, agent_register_ask(r));
	} else if (other && create_is_taken(r->result)) {
		r->name_len = 0;
		if (r->looks)
			agent_register_foresee(r);
		else
			agent_register_settle(r, agent_register_ask(r));
	} else {
		r->tries = AGENT_REGISTER_TRIES;
		agent_register_settle(r, r->result);
	}
}

/* What the key allows may have changed while the registration waited. */
static void agent_register_renew(struct registration *r)
{
	const struct agent_session *a = r->wish.agent;

	if (r->grant && a->grant)
		*r->grant = *a->grant;
}

static void agent_register_on_back(struct loop_task *task)
{
	struct registration *r = CONTAINER_OF(task, struct registration, task);
	struct agent_session *a = r->wish.agent;
	struct worker *w = r->worker;
	struct directory *d = w->shared->directory;
	void (*done)(struct agent_session * agent) = r->done;
	char text[NAME_MAX_LEN + 1];
	size_t passed_len = 0;

	if (r->passed)
		passed_len = slice_to_str(slice_of(r->name, r->name_len), text, sizeof(text));
	r->passed = false;
	if (a) {
		a->registration = NULL;
		r->travels = false;
		agent_register_renew(r);
		directory_arrive(d, slice_of(text, passed_len), w->index);
		agent_register_go_on(r);
	} else {
		agent_register_free(r);
	}
	directory_give_up(d, slice_of(text, passed_len), w->index);
	if (a && !a->registration)
		done(a);
}

static void agent_register_on_there(struct loop_task *task)
{
	struct registration *r = CONTAINER_OF(task, struct registration, task);

	/* The relay stops: the loops are taken down one after the other, and the agent's may be
	 * gone. */
	if (atomic_load(&r->there->shared->stopped)) {
		agent_register_free(r);
		return;
	}
	agent_register_evict(r);
	loop_task_init(&r->task, agent_register_on_back);
	loop_post(r->worker->loop, &r->task);
}

/* ---- passwords ---- */

static void agent_register_on_hashed(void *ctx)
{
	struct registration *r = ctx;
	struct agent_session *a = r->wish.agent;
	void (*done)(struct agent_session * agent) = r->done;

	a->registration = NULL;
	agent_register_renew(r);
	if (a->leaving || a->why)
		agent_register_free(r);
	else if (gate_hash_text(r->hash))
		agent_register_settle(r, agent_register_ask(r));
	else
		agent_register_busy(r);
	if (!a->registration)
		done(a);
}

static void agent_register_protect(struct registration *r, struct slice password)
{
	const struct gate_hash_wish wish = {
		.password = password,
		.name = slice_of(r->name, r->name_len),
		.who = r->who,
		.done = agent_register_on_hashed,
		.ctx = r,
	};

	r->hash = gate_hash_new(r->worker, &wish);
	agent_register_foresee(r);
}

/* ---- from outside ---- */

static void agent_register_guard(struct registration *r, const struct control *c)
{
	struct slice allow = slice_from_str(c->allow), deny = slice_from_str(c->deny);
	struct slice scheme = slice_from_str(c->verify.scheme);

	r->allow = allow.len ? mem_dup_str(allow.ptr, allow.len) : NULL;
	r->deny = deny.len ? mem_dup_str(deny.ptr, deny.len) : NULL;
	r->verify_scheme = scheme.len ? mem_dup_str(scheme.ptr, scheme.len) : NULL;
	r->verify_secret = secret_dup(slice_from_str(c->verify.secret));
}

void agent_register_start(
	struct agent_session *a, const struct control *c, void (*done)(struct agent_session *a))
{
	struct registration *r;

	if (agent_refusal_check(a, c))
		return;
	r = MEM_NEW(struct registration);
	r->worker = a->worker;
	r->done = done;
	r->wish = (struct session_tunnel_wish) {.agent = a, .number = c->tunnel, .share = c->share};
	r->proto = c->proto;
	if (a->grant && a->worker->conf->auth != RELAY_AUTH_OFF)
		r->grant = mem_dup(a->grant, sizeof(*a->grant));
	r->who.kind = a->owner_kind;
	r->who.text = slice_of(r->who_text,
		slice_to_str(slice_from_str(a->owner), r->who_text, sizeof(r->who_text)));
	r->source = mem_dup_str(a->source, strlen(a->source));
	r->port = c->port;
	agent_register_guard(r, c);
	if (c->proto == CONTROL_HTTP)
		r->name_len = slice_to_str(slice_from_str(c->subdomain), r->name, sizeof(r->name));
	if (c->proto == CONTROL_HTTP && c->subdomain && !r->name_len)
		agent_register_settle(r, CREATE_INVALID);
	else if (c->password)
		agent_register_protect(r, slice_from_str(c->password));
	else
		agent_register_settle(r, agent_register_ask(r));
}

void agent_register_abandon(struct agent_session *a)
{
	struct registration *r = a->registration;

	if (!r)
		return;
	a->registration = NULL;
	r->wish.agent = NULL;
	if (!r->travels)
		agent_register_free(r);
}
