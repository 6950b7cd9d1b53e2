/* One object, which is with one thread at a time. */
#include "relay/admin_job.h"

#include "base/err.h"
#include "base/mem.h"
#include "io/crew.h"
#include "relay/admin_call.h"
#include "relay/admin_route.h"
#include "relay/admin_service.h"
#include "relay/api_later.h"
#include "relay/auth.h"
#include "relay/reply.h"
#include "relay/worker.h"
#include "store/store.h"

struct admin_job {
	struct api_later later;
	struct crew_job hashing;
	struct store_job storing;
	struct worker *worker; /* borrowed */
	const struct admin_route *route; /* borrowed */
	unsigned cost; /* of hashing */
	struct admin_context context;
	struct admin_request q; /* its slices point into text */
	struct admin_reply reply;
	struct buf text; /* owned */
	struct password_digest digest;
	char hash[PASSWORD_HASH_LEN + 1];
};

static struct admin_job *admin_job_of(struct api_later *l)
{
	return CONTAINER_OF(l, struct admin_job, later);
}

static void admin_job_free(struct api_later *l)
{
	struct admin_job *j = admin_job_of(l);

	admin_service_leave(j->worker->shared->admin);
	/* The body may have had a password, the answer may have a key. */
	if (j->text.base)
		mem_wipe(j->text.base, j->text.cap);
	if (j->reply.body.base)
		mem_wipe(j->reply.body.base, j->reply.body.cap);
	buf_release(&j->text);
	buf_release(&j->reply.body);
	buf_release(&j->storing.why);
	mem_wipe(&j->digest, sizeof(j->digest));
	mem_free(j);
}

void admin_job_fill(struct reply *out, const struct admin_reply *reply)
{
	out->status = reply->status;
	out->code = reply->code;
	out->allow = *reply->allow ? reply->allow : NULL;
	out->retry_after_s = reply->retry_after_s;
	out->body = buf_slice(&reply->body);
	if (reply->status == 401)
		out->www_authenticate = "Bearer";
}

static void admin_job_write(struct api_later *l, struct buf *out, struct reply *reply)
{
	admin_job_fill(reply, &admin_job_of(l)->reply);
	reply_write_json(out, reply);
}

/* While it waited for a hash or the store, the key may have been revoked, or made to allow less. */
static bool admin_job_may(struct admin_job *j)
{
	struct admin_who *who = &j->q.who;
	enum auth_key key;

	if (!who->grant.key_id[0])
		return true;
	key = auth_check_again(j->worker, &who->grant);
	if (key != AUTH_KEY_GOOD) {
		admin_refuse(&j->reply, auth_key_error(key), "%s", auth_key_sentence(key));
		return false;
	}
	who->admin = who->grant.scope.admin;
	return admin_route_may(j->route, &j->q, &j->reply);
}

static int admin_job_on_store(struct store_job *job, struct db *db)
{
	struct admin_job *j = CONTAINER_OF(job, struct admin_job, storing);

	j->context.db = db;
	if (admin_job_may(j))
		j->route->handle(&j->context, &j->q, &j->reply);
	return 0;
}

static void admin_job_on_stored(struct store_job *job)
{
	struct admin_job *j = CONTAINER_OF(job, struct admin_job, storing);
	struct slice why = buf_slice(&job->why);

	if (job->err)
		admin_refuse(&j->reply, API_ERROR_STORE_UNAVAILABLE,
			"The relay's store cannot be used now (%.*s).",
			SLICE_ARG(why.len ? why : slice_from_str(err_text(job->err))));
	api_later_done(&j->later);
}

static void admin_job_refuse_busy(struct admin_reply *reply)
{
	admin_refuse(reply, API_ERROR_NOT_NOW,
		"The relay has too many requests of this kind under way; try again in a moment.");
}

static int admin_job_submit(struct admin_job *j)
{
	j->storing.run = admin_job_on_store;
	j->storing.done = admin_job_on_stored;
	return store_submit(j->worker->shared->store, &j->storing, j->worker->loop);
}

static void admin_job_on_hash(struct crew_job *job)
{
	struct admin_job *j = CONTAINER_OF(job, struct admin_job, hashing);

	admin_call_hash(&j->digest, j->cost, j->hash);
	mem_wipe(&j->digest, sizeof(j->digest));
	j->q.password_hash = j->hash;
}

/* The store may be gone when the relay stops; nobody waits then. */
static void admin_job_on_hashed(struct crew_job *job)
{
	struct admin_job *j = CONTAINER_OF(job, struct admin_job, hashing);

	if (!job->dropped && !atomic_load(&j->worker->shared->stopping)) {
		if (admin_job_submit(j) == 0)
			return;
	}
	admin_job_refuse_busy(&j->reply);
	api_later_done(&j->later);
}

/* Copies a slice into the job's text; they are pointed at once all stand there. */
static void admin_job_keep(struct admin_job *j, struct slice *s)
{
	struct slice was = *s;

	s->ptr = j->text.base + j->text.end;
	buf_append_slice(&j->text, was);
}

static void admin_job_copy(struct admin_job *j, const struct admin_request *q)
{
	struct slice *const parts[] = {&j->q.path, &j->q.query, &j->q.body, &j->q.address,
		&j->q.host, &j->q.base_url, &j->q.reserved};
	size_t size = 1;

	j->q = *q;
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		size += parts[i]->len;
	/* Once: the text must not move when the next part comes. */
	buf_reserve(&j->text, size);
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		admin_job_keep(j, parts[i]);
}

struct api_later *admin_job_start(struct worker *w, const struct admin_route *route,
	const struct admin_request *q, struct admin_reply *reply)
{
	struct relay_shared *shared = w->shared;
	struct admin_job *j;
	int err;

	if (!admin_service_enter(shared->admin)) {
		admin_job_refuse_busy(reply);
		return NULL;
	}
	j = MEM_NEW(struct admin_job);
	j->later.write = admin_job_write;
	j->later.free = admin_job_free;
	j->worker = w;
	j->route = route;
	j->cost = w->conf->bcrypt_cost;
	j->context = (struct admin_context) {
		.book = shared->book, .shared = shared, .devices = shared->admin->devices};
	admin_job_copy(j, q);
	if (admin_call_digest(route, q, &j->digest)) {
		j->hashing.run = admin_job_on_hash;
		j->hashing.done = admin_job_on_hashed;
		err = crew_submit(shared->admin->crew, &j->hashing, w->loop);
	} else {
		err = admin_job_submit(j);
	}
	if (!err)
		return &j->later;
	admin_job_refuse_busy(reply);
	admin_job_free(&j->later);
	return NULL;
}
