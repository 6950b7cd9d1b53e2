/* One request at a time, blocking: the program has nothing else to do. */
#include "relay/office_reach.h"

#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/loop.h"
#include "io/unix_socket.h"
#include "proto/http1_parse.h"
#include "proto/http1_write.h"
#include "proto/http_host.h"
#include "relay/admin_call.h"
#include "relay/admin_plan.h"
#include "relay/relay_conf.h"
#include "relay/relay_store.h"
#include "relay/worker.h"
#include "store/store.h"

#define OFFICE_REACH_TIMEOUT_S 30u
#define OFFICE_REACH_ANSWER_MAX (64u << 20)

struct office_reach {
	const struct relay_conf *conf; /* borrowed */
	const char *socket; /* of the conf; NULL: the store itself */
	struct relay_shared shared; /* without a relay: log, store and book, and nothing else */
};

/* A request done on the store's thread. */
struct office_job {
	struct store_job job;
	const struct office_reach *reach;
	struct admin_request q;
	struct admin_reply reply;
};

/* ---- opening ---- */

/* Passwords go there, and what comes back is taken for keys. */
static int office_reach_connect(const char *path, int *fd_out, bool *trusted_out)
{
	int err = unix_socket_connect(path, fd_out);

	*trusted_out = err || unix_socket_is_trusted(path, *fd_out);
	if (*trusted_out)
		return err;
	close(*fd_out);
	return ERR_DENIED;
}

/* 0: a relay listens; ERR_NOT_FOUND: none does. */
static int office_reach_probe(const char *path, struct buf *message)
{
	bool trusted;
	int fd, err = office_reach_connect(path, &fd, &trusted);

	if (!err)
		close(fd);
	if (err == ERR_REFUSED)
		return ERR_NOT_FOUND;
	if (!trusted) {
		buf_printf(message,
			"another user listens at %s, and others may write in its folder: that may "
			"be "
			"anybody. Give the socket a folder that is the relay's own",
			path);
		return err;
	}
	if (err == ERR_DENIED)
		buf_printf(message,
			"%s may be used by the relay's own user only: run this as that user (sudo "
			"-u "
			"USER aditd ...) or as root",
			path);
	else if (err && err != ERR_NOT_FOUND)
		buf_printf(message, "%s: %s", path, err_text(err));
	return err;
}

static int office_reach_open_store(struct office_reach *r, struct buf *message)
{
	r->shared.log = log_new(STDERR_FILENO, LOG_WARN, LOG_FORMAT_TEXT);
	return relay_store_open(&r->shared, r->conf, message);
}

/* A relay runs on the store, and not at this socket. */
static void office_reach_explain_busy(const struct relay_conf *conf, struct buf *message)
{
	if (conf->admin_socket)
		buf_printf(message,
			"; if it is a relay, nobody answers at %s: say where with "
			"--admin-socket",
			conf->admin_socket);
	else
		buf_append_str(message,
			"; if it is a relay, give both of them the same "
			"--admin-socket PATH");
}

int office_reach_open(
	const struct relay_conf *conf, struct office_reach **reach_out, struct buf *message)
{
	struct office_reach *r = MEM_NEW(struct office_reach);
	int err = ERR_NOT_FOUND;

	r->conf = conf;
	r->socket = conf->admin_socket;
	if (r->socket)
		err = office_reach_probe(r->socket, message);
	if (err == ERR_NOT_FOUND) {
		r->socket = NULL;
		err = office_reach_open_store(r, message);
		if (err == ERR_BUSY)
			office_reach_explain_busy(conf, message);
	}
	if (err)
		office_reach_close(&r);
	*reach_out = r;
	return err;
}

void office_reach_close(struct office_reach **r_ptr)
{
	struct office_reach *r = *r_ptr;

	if (!r)
		return;
	*r_ptr = NULL;
	relay_store_close(&r->shared);
	if (r->shared.log)
		log_free(&r->shared.log);
	mem_free(r);
}

/* ---- through the socket ---- */

static void office_reach_write(struct buf *out, const struct office_question *question)
{
	static const char *const methods[] = {[HTTP_GET] = "GET",
		[HTTP_POST] = "POST",
		[HTTP_PATCH] = "PATCH",
		[HTTP_DELETE] = "DELETE"};
	struct buf path = {0};

	buf_append_str(&path, ADMIN_PREFIX);
	buf_append_slice(&path, question->target);
	http1_write_request_line(out, slice_from_str(methods[question->method]), buf_slice(&path));
	http1_write_field(out, SLICE("Host"), SLICE("localhost"));
	http1_write_field(out, SLICE("Connection"), SLICE("close"));
	if (question->body.len) {
		http1_write_field(out, SLICE("Content-Type"), SLICE("application/json"));
		http1_write_field_u64(out, SLICE("Content-Length"), question->body.len);
	}
	http1_write_head_end(out);
	buf_append_slice(out, question->body);
	buf_release(&path);
}

static int office_reach_read(struct slice in, struct office_answer *answer, struct buf *message)
{
	const struct http1_limits limits = {1024, 65536, 100};
	struct http_head *head = MEM_NEW(struct http_head);
	struct http1_parser parser = {0};
	int err = 0;

	if (http1_parse_response(&parser, in, &limits, head) != PARSE_DONE) {
		buf_append_str(message, "the relay's answer is not understood");
		err = ERR_SYNTAX;
	} else {
		answer->status = head->status;
		buf_append_slice(&answer->body, slice_from(in, head->size));
	}
	mem_free(head);
	return err;
}

static int office_reach_ask_relay(const struct office_reach *r, struct slice request,
	struct office_answer *answer, struct buf *message)
{
	struct buf in = {0};
	bool trusted;
	int fd, err = office_reach_connect(r->socket, &fd, &trusted);

	if (!err) {
		err = unix_socket_ask(
			fd, request, OFFICE_REACH_TIMEOUT_S, &in, OFFICE_REACH_ANSWER_MAX);
		close(fd);
	}
	if (err)
		buf_printf(
			message, "the relay at %s does not answer: %s", r->socket, err_text(err));
	else
		err = office_reach_read(buf_slice(&in), answer, message);
	if (in.base)
		mem_wipe(in.base, in.cap);
	buf_release(&in);
	return err;
}

/* ---- on the store itself ---- */

static int office_reach_on_store(struct store_job *job, struct db *db)
{
	struct office_job *j = CONTAINER_OF(job, struct office_job, job);
	struct admin_context c = {
		.db = db, .book = j->reach->shared.book, .plans = j->reach->conf->plans};

	admin_plan_note(&j->q, c.plans, c.book);
	admin_call(&c, &j->q, j->reach->conf->bcrypt_cost, &j->reply);
	return 0;
}

static void office_reach_reserved(const struct relay_conf *conf, struct buf *out)
{
	for (char *const *name = conf->reserved_names; name && *name; name++)
		buf_printf(out, "%s ", *name);
}

static int office_reach_ask_store(struct office_reach *r, struct admin_request *q,
	struct office_answer *answer, struct buf *message)
{
	struct office_job j = {.job = {.run = office_reach_on_store}, .reach = r, .q = *q};
	struct buf reserved = {0};
	int err;

	office_reach_reserved(r->conf, &reserved);
	j.q.reserved = buf_slice(&reserved);
	err = store_run_now(r->shared.store, &j.job);
	if (err)
		buf_append_slice(message, buf_slice(&j.job.why));
	answer->status = j.reply.status;
	answer->body = j.reply.body;
	buf_release(&j.job.why);
	buf_release(&reserved);
	return err;
}

int office_reach_ask(struct office_reach *r, const struct office_question *question,
	struct office_answer *answer_out, struct buf *message)
{
	struct admin_request q = {
		.method = question->method,
		.path = http_target_path(question->target),
		.query = http_target_query(question->target),
		.body = question->body,
		.address = SLICE(ADMIN_ADDRESS_LOCAL),
		.who = {.is_operator = true, .admin = true},
		.now_ms = loop_wall_ms(),
	};
	struct buf request = {0};
	int err;

	*answer_out = (struct office_answer) {0};
	if (!r->socket)
		return office_reach_ask_store(r, &q, answer_out, message);
	office_reach_write(&request, question);
	err = office_reach_ask_relay(r, buf_slice(&request), answer_out, message);
	mem_wipe(request.base, request.cap);
	buf_release(&request);
	return err;
}

void office_answer_deinit(struct office_answer *answer)
{
	if (answer->body.base)
		mem_wipe(answer->body.base, answer->body.cap);
	buf_release(&answer->body);
}
