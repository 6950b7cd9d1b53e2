/*
 * Visitors begin here: each is read until its line is whole, which says what its tunnel is. The
 * relay chooses among our tunnels and nothing else.
 */
#include "agent/local.h"

#include "agent/local_http.h"
#include "agent/local_pool.h"
#include "agent/local_priv.h"
#include "agent/local_tcp.h"
#include "agent/local_tunnel.h"
#include "agent/local_visitor.h"
#include "base/mem.h"
#include "proto/proxy_header.h"

/* ---- the line ---- */

static uint8_t local_copy_word(char out[LOCAL_WORD_MAX], struct slice word)
{
	word = slice_first(word, LOCAL_WORD_MAX);
	if (word.len)
		memcpy(out, word.ptr, word.len);
	return (uint8_t)word.len;
}

/* Most agents have one tunnel, and visitors of the same one come in a row. */
static struct local_tunnel *local_find(struct local *l, uint32_t number)
{
	if (!l->last || l->last->number != number)
		l->last = map_get(&l->tunnels, slice_of(&number, sizeof(number)));
	return l->last;
}

static void local_begin(
	struct local_visitor *v, const struct visitor_line *line, struct slice received)
{
	struct local_tunnel *t = local_find(v->local, line->tunnel);
	unsigned version;

	v->address_len = local_copy_word(v->address, line->visitor);
	v->id_len = local_copy_word(v->id, line->request_id);
	if (!t) {
		local_visitor_fail(
			v, SLICE("local-unreachable"), SLICE("the agent has closed this tunnel"));
		return;
	}
	v->tunnel = local_tunnel_ref(t);
	version = t->spec.proxy_protocol;
	if (version)
		proxy_header_write(&v->prefix, version,
			&(struct proxy_header) {line->visitor, line->public_address,
				line->visitor_port, line->public_port});
	if (buf_len(&t->host))
		buf_append_slice(&v->origin, line->scheme);
	if (t->spec.proto == TUNNEL_HTTP)
		local_http_begin(v, received);
	else
		local_tcp_begin(v, received);
}

/* in: all that came. False when the line is not whole. */
static bool local_read_line(struct local_visitor *v, struct slice in)
{
	struct visitor_line line;
	size_t size;

	switch (visitor_line_parse(in, &line, &size)) {
	case PARSE_MORE:
		return false;
	case PARSE_BAD:
		local_visitor_gone(v);
		return true;
	case PARSE_DONE:
		break;
	}
	local_begin(v, &line, slice_from(in, size));
	return true;
}

static void local_on_data(void *ctx, struct slice data)
{
	struct local_visitor *v = ctx;
	struct buf whole;

	if (!buf_len(&v->in)) {
		if (!local_read_line(v, data))
			buf_append_slice(&v->in, data);
		return;
	}
	buf_append_slice(&v->in, data);
	whole = v->in;
	v->in = (struct buf) {0};
	if (local_read_line(v, buf_slice(&whole)))
		buf_release(&whole);
	else
		v->in = whole;
}

static void local_on_drained(void *ctx)
{
	/* Nothing is written before the line is whole. */
}

static void local_on_ended(void *ctx)
{
	local_visitor_gone(ctx);
}

static void local_on_failed(void *ctx, int err)
{
	local_visitor_gone(ctx);
}

static const struct stream_events local_line_events = {
	.data = local_on_data,
	.drained = local_on_drained,
	.ended = local_on_ended,
	.failed = local_on_failed,
};

/* ---- visitors ---- */

static void local_refuse(struct local *l, struct local_visitor *v)
{
	struct buf text = {0};

	buf_printf(&text, "the agent serves %u visitors already", l->conf.max_streams);
	local_visitor_fail(v, SLICE("local-overloaded"), buf_slice(&text));
	buf_release(&text);
}

static void local_on_task(struct loop_task *task)
{
	struct local *l = CONTAINER_OF(task, struct local, task);
	struct list *node;

	while (!list_is_empty(&l->refused))
		local_refuse(l, CONTAINER_OF(l->refused.next, struct local_visitor, node));
	while ((node = list_pop(&l->dead)) != NULL)
		local_visitor_recycle(CONTAINER_OF(node, struct local_visitor, node));
	/* Telling the refused has asked for this task once more. */
	loop_cancel(&l->task);
}

void local_serve(struct local *l, void *session, struct stream **stream)
{
	struct local_visitor *v = local_visitor_new(l, session, stream);

	stream_listen(v->stream, &local_line_events, v);
	if (l->count < l->conf.max_streams) {
		l->count++;
		v->counted = true;
		list_append(&l->visitors, &v->node);
		stream_read_start(v->stream);
		return;
	}
	list_append(&l->refused, &v->node);
	loop_defer(l->loop, &l->task);
}

void local_given_up(struct local *l, const void *session, uint32_t stream_id, struct slice code,
	struct slice message)
{
	LIST_EACH (node, &l->visitors) {
		struct local_visitor *v = CONTAINER_OF(node, struct local_visitor, node);

		if (v->session != session || v->stream_id != stream_id)
			continue;
		local_visitor_over(v, code, message);
		return;
	}
}

static uint32_t local_limit(uint32_t wanted, uint32_t most)
{
	return wanted && wanted < most ? wanted : most;
}

void local_set_limits(struct local *l, const struct local_limits *limits)
{
	l->answer.head = local_limit(limits->head, LOCAL_HEAD_MAX);
	l->answer.fields = (uint16_t)local_limit(limits->fields, HTTP_FIELDS_MAX);
}

unsigned local_count(const struct local *l)
{
	return l->count;
}

/* ---- tunnels ---- */

int local_add(struct local *l, uint32_t tunnel, const struct tunnel_spec *spec, struct buf *message)
{
	struct local_tunnel *t;
	int err = local_tunnel_new(l, spec, &t, message);

	if (err)
		return err;
	local_remove(l, tunnel);
	t->number = tunnel;
	map_put(&l->tunnels, slice_of(&t->number, sizeof(t->number)), t);
	return 0;
}

void local_remove(struct local *l, uint32_t tunnel)
{
	struct local_tunnel *t = map_remove(&l->tunnels, slice_of(&tunnel, sizeof(tunnel)));

	l->last = NULL;
	if (t)
		local_tunnel_remove(&t);
}

/* ---- all of it ---- */

struct local *local_new(
	struct loop *loop, const struct local_conf *conf, const struct local_events *events)
{
	struct local *l = MEM_NEW(struct local);
	uint64_t seed[2] = {0, 0}; /* the numbers of tunnels are our own choice */

	l->loop = loop;
	l->conf = *conf;
	l->events = *events;
	local_set_limits(l, &(struct local_limits) {0, 0});
	l->idle = timeout_queue_new(loop, LOCAL_KEPT_MS);
	l->handshakes = timeout_queue_new(loop, conf->connect_ms);
	map_init(&l->tunnels, seed);
	list_init(&l->visitors);
	list_init(&l->refused);
	list_init(&l->dead);
	list_init(&l->spare);
	loop_task_init(&l->task, local_on_task);
	return l;
}

static void local_free_list(struct list *visitors)
{
	while (!list_is_empty(visitors)) {
		struct local_visitor *v = CONTAINER_OF(visitors->next, struct local_visitor, node);

		local_visitor_free(&v);
	}
}

void local_free(struct local **l_ptr)
{
	struct local *l = *l_ptr;
	struct local_tunnel *t;
	size_t at = 0;

	*l_ptr = NULL;
	if (!l)
		return;
	loop_cancel(&l->task);
	local_free_list(&l->visitors);
	local_free_list(&l->refused);
	local_free_list(&l->dead);
	local_free_list(&l->spare);
	while ((t = map_next(&l->tunnels, &at)) != NULL)
		local_tunnel_remove(&t);
	map_deinit(&l->tunnels);
	timeout_queue_free(&l->idle);
	timeout_queue_free(&l->handshakes);
	mem_free(l);
}
