/* The relay's own paths as a table. */
#include "relay/api.h"

#include <malloc.h>

#include "base/mem.h"
#include "io/loop.h"
#include "proto/http_head.h"
#include "proto/http_host.h"
#include "relay/admin_api.h"
#include "relay/admin_route.h"
#include "relay/api_answer.h"
#include "relay/api_body.h"
#include "relay/api_create.h"
#include "relay/api_error.h"
#include "relay/directory.h"
#include "relay/landing.h"
#include "relay/login.h"
#include "relay/login_page.h"
#include "relay/metrics.h"
#include "relay/metrics_process.h"
#include "relay/reply.h"
#include "relay/tunnel.h"
#include "relay/visitor_error.h"
#include "relay/worker.h"
#include "store/store.h"

/* ---- telling ---- */

static enum api_result api_health(struct api_request *r)
{
	struct reply reply = api_answer_reply(r, 200);

	reply.body = SLICE("{\"status\":\"healthy\"}");
	reply_write_json(&r->worker->answer, &reply);
	r->quiet = true;
	return api_answer_note(r, &reply);
}

static enum api_result api_status(struct api_request *r)
{
	struct reply reply = api_answer_reply(r, 200);
	struct metrics_process process = {0};
	struct mallinfo2 heap = mallinfo2();
	struct buf body = {0};

	metrics_process_read(&process);
	buf_printf(&body,
		"{\"tunnels\":%zu,\"mem\":{\"rss\":%llu,\"heapTotal\":%zu,\"heapUsed\":%zu,"
		"\"external\":%zu,\"arrayBuffers\":0}}",
		directory_count(r->worker->shared->directory),
		(unsigned long long)process.resident_bytes, heap.arena, heap.uordblks, heap.hblkhd);
	return api_answer_json(r, &reply, &body);
}

static enum api_result api_tunnel_status(
	struct api_request *r, struct slice name, unsigned *home_out)
{
	struct tunnel *t = map_get(&r->worker->tunnels, name);
	struct reply reply = api_answer_reply(r, 200);
	struct buf body = {0};

	if (!t && directory_find(r->worker->shared->directory, name, home_out) &&
		*home_out != r->worker->index)
		return API_MOVE;
	if (!t)
		return api_answer_not_found(r);
	buf_printf(&body, "{\"connected_sockets\":%u}", t->ops->socket_count(t));
	return api_answer_json(r, &reply, &body);
}

static enum api_result api_metrics(struct api_request *r)
{
	const struct relay_shared *shared = r->worker->shared;
	const struct metrics **all = mem_alloc(shared->worker_count * sizeof(*all));
	struct reply reply = api_answer_reply(r, 200);
	struct metrics_process process = {
		.start_ms = shared->started_ms,
		.now_ms = loop_wall_ms(),
		.log_lines_dropped = log_dropped(shared->log),
		.has_store = shared->store != NULL,
		.store_is_well = shared->store && store_is_well(shared->store, NULL),
	};
	struct buf body = {0};

	metrics_process_read(&process);
	for (unsigned i = 0; i < shared->worker_count; i++)
		all[i] = shared->workers[i]->metrics;
	metrics_write(&body, all, shared->worker_count, &process);
	mem_free(all);
	r->quiet = true;
	reply.content_type = SLICE("text/plain; version=0.0.4; charset=utf-8");
	reply.body = buf_slice(&body);
	reply_write(&r->worker->answer, &reply);
	buf_release(&body);
	return api_answer_note(r, &reply);
}

static enum api_result api_landing(struct api_request *r)
{
	struct landing_view view = {r->worker->conf, r->host, r->worker->shared->public_port};

	landing_write(&r->worker->answer, &view, r->head, r->keep_alive);
	r->status = 200;
	return API_ANSWERED;
}

static enum api_result api_redirect_to_landing(struct api_request *r)
{
	struct reply reply = api_answer_reply(r, 302);

	reply.location = r->worker->conf->landing ? r->worker->conf->landing : LANDING_PATH;
	reply_write_redirect(&r->worker->answer, &reply);
	return api_answer_note(r, &reply);
}

/* ---- routing ---- */

static bool api_may_create(const struct api_request *r)
{
	return r->admin || (!r->worker->conf->admin_port && !r->is_monitor);
}

static enum api_result api_root(struct api_request *r, unsigned *home_out)
{
	if (!api_answer_is_get(r))
		return api_answer_wrong_method(r, API_GET_METHODS);
	if (!api_may_create(r) || !http_query_has(http_target_query(r->target->path), SLICE("new")))
		return api_redirect_to_landing(r);
	return api_create_any(r, home_out);
}

static enum api_result api_tunnels(struct api_request *r, unsigned *home_out)
{
	return r->head->method_id == HTTP_POST ? api_create_by_post(r, home_out)
					       : api_answer_wrong_method(r, "POST");
}

/* "/api/tunnels/<name>/status": the name, or an empty slice. */
static struct slice api_status_name(struct slice path)
{
	struct slice prefix = SLICE("/api/tunnels/"), suffix = SLICE("/status");

	if (path.len <= prefix.len + suffix.len || !slice_starts(path, prefix) ||
		!slice_ends(path, suffix))
		return (struct slice) {NULL, 0};
	path = slice_from(path, prefix.len);
	path.len -= suffix.len;
	return slice_find(path, '/') == path.len ? path : (struct slice) {NULL, 0};
}

/* An upgrade does not come here, unless something on the way has made it an ordinary request. */
static enum api_result api_session(struct api_request *r)
{
	const struct api_error_info *info = api_error_get(API_ERROR_UPGRADE_REQUIRED);
	struct reply reply = api_answer_reply(r, info->status);
	struct buf body = {0};

	reply.code = info->code;
	reply.upgrade = "adit";
	api_body_error(&body, slice_from_str(info->code),
		SLICE("Agents ask for an upgrade here, to adit or to WebSocket."));
	return api_answer_json(r, &reply, &body);
}

/* What only is to be had where tunnels are created. */
static enum api_result api_handle_creating(
	struct api_request *r, struct slice path, unsigned *home_out)
{
	struct slice segment, name = api_status_name(path);

	if (slice_eq(path, SLICE("/api/tunnels")))
		return api_tunnels(r, home_out);
	if (slice_eq(path, SLICE("/_adit/session")))
		return api_answer_is_get(r) ? api_session(r)
					    : api_answer_wrong_method(r, API_GET_METHODS);
	if (name.len)
		return api_answer_is_get(r) ? api_tunnel_status(r, name, home_out)
					    : api_answer_wrong_method(r, API_GET_METHODS);
	segment = slice_from(path, 1);
	if (!segment.len || slice_find(segment, '/') < segment.len)
		return api_answer_not_found(r);
	return api_create_by_path(r, segment, home_out);
}

static const struct api_page {
	const char *path;
	bool is_public; /* the others are for the admin port */
	bool is_monitored; /* and these for the metrics port, too */
	enum api_result (*answer)(struct api_request *r);
} api_pages[] = {
	{"/healthz", true, true, api_health},
	{"/api/status", true, false, api_status},
	{LANDING_PATH, true, false, api_landing},
	{"/metrics", false, true, api_metrics},
};

/* The page of this path, or NULL if there is none at the port that the request came by. */
static const struct api_page *api_page_of(const struct api_request *r, struct slice path)
{
	for (size_t i = 0; i < ARRAY_LEN(api_pages); i++) {
		const struct api_page *page = &api_pages[i];

		if (!slice_eq(path, slice_from_str(page->path)))
			continue;
		if (r->is_monitor)
			return page->is_monitored ? page : NULL;
		return page->is_public || r->admin ? page : NULL;
	}
	return NULL;
}

/* S40: one slash behind a path changes nothing, except that of the landing page, which has one. */
static struct slice api_path(struct slice target)
{
	struct slice path = http_target_path(target);

	if (!slice_ends(path, SLICE("/")) || slice_ends(path, SLICE("//")) ||
		slice_eq(path, SLICE(LANDING_PATH)) || path.len == 1)
		return path;
	return slice_first(path, path.len - 1);
}

bool api_takes_body(const struct http_head *head, struct slice path)
{
	struct slice below;

	return admin_route_is_below(api_path(path), &below) ||
		(head->method_id == HTTP_POST &&
			(slice_eq(api_path(path), SLICE("/api/tunnels")) ||
				slice_eq(api_path(path), SLICE(LOGIN_PATH))));
}

/* In the words of whoever would have answered. */
static enum api_result api_refuse_size(struct api_request *r, struct slice path)
{
	struct visitor_fault fault = {.error = VISITOR_ERROR_BODY_TOO_LARGE};
	const struct visitor_error_info *info = visitor_error_get(fault.error);
	struct reply reply = api_answer_reply(r, info->status);
	struct buf body = {0};
	struct slice below;

	if (admin_route_is_below(path, &below))
		return admin_api_refuse_size(r);
	if (slice_eq(path, SLICE(LOGIN_PATH)))
		return api_answer_fault(r, &fault);
	reply.code = info->code;
	api_body_error(&body, SLICE("Content Too Large"), SLICE(API_TOO_LARGE));
	return api_answer_json(r, &reply, &body);
}

enum api_result api_handle(struct api_request *r, unsigned *home_out)
{
	struct slice path = api_path(r->target->path), below;
	const struct api_page *page;

	buf_clear(&r->worker->answer);
	if (r->too_large)
		return api_refuse_size(r, path);
	if (admin_route_is_below(path, &below) && (r->is_operator || api_may_create(r)))
		return admin_api_handle(r, below);
	if (r->is_operator)
		return api_answer_not_found(r);
	if (slice_eq(path, SLICE(LOGIN_PATH)) && r->worker->shared->admin && api_may_create(r))
		return login_handle(r);
	if (r->target->form == HTTP_TARGET_ASTERISK)
		return api_answer_wrong_method(r, API_GET_METHODS);
	if (slice_eq(path, SLICE("/")) && !r->is_monitor)
		return api_root(r, home_out);
	page = api_page_of(r, path);
	if (page)
		return api_answer_is_get(r) ? page->answer(r)
					    : api_answer_wrong_method(r, API_GET_METHODS);
	if (!api_may_create(r))
		return api_answer_not_found(r);
	return api_handle_creating(r, path, home_out);
}
