/* One object, which is with one thread at a time. */
#include "relay/login_job.h"

#include <stdio.h>

#include "base/err.h"
#include "base/mem.h"
#include "io/crew.h"
#include "io/loop.h"
#include "proto/http_host.h"
#include "relay/admin.h"
#include "relay/admin_audit.h"
#include "relay/admin_call.h"
#include "relay/admin_keys.h"
#include "relay/admin_service.h"
#include "relay/api_later.h"
#include "relay/login_guard.h"
#include "relay/public_url.h"
#include "relay/reply.h"
#include "relay/worker.h"
#include "store/db.h"
#include "store/ledger_audit.h"
#include "store/store.h"

#define LOGIN_FORM_S 1800u /* a form may lie open this long */
#define LOGIN_PROOF_S 600u

struct login_job {
	struct api_later later;
	struct crew_job checking;
	struct store_job storing;
	struct worker *worker; /* borrowed */
	struct login_form form; /* without the password */
	struct password_digest digest;
	struct account account; /* all zero: there is none */
	struct admin_device device;
	unsigned cost; /* of hashing */
	bool approves;
	bool is_right; /* the password */
	enum login_view view; /* what became of it */
	struct buf problem; /* owned */
	struct buf host; /* owned: of the relay */
};

/* ---- seals ---- */

static struct slice login_form_what(void)
{
	return SLICE("adit login form");
}

static void login_seal(struct admin_service *service, struct seal_about about, unsigned seconds,
	char out[SEAL_TEXT_LEN + 1])
{
	struct seal *seal = seal_new(service->seal_key);

	seal_make(seal, about, loop_wall_ms() / 1000 + seconds, out);
	seal_free(&seal);
}

static bool login_is_sealed(
	struct admin_service *service, struct seal_about about, const char *text)
{
	struct seal *seal = seal_new(service->seal_key);
	bool good =
		seal_check(seal, about, slice_from_str(text), loop_wall_ms() / 1000) == SEAL_GOOD;

	seal_free(&seal);
	return good;
}

bool login_job_is_ours(struct admin_service *service, const struct login_form *form)
{
	const struct slice parts[] = {login_form_what()};

	return login_is_sealed(service, (struct seal_about) {parts, 1}, form->csrf);
}

/* ---- the page ---- */

void login_job_show(struct buf *out, const struct login_showing *what, struct reply *reply)
{
	const struct slice parts[] = {login_form_what()};
	char csrf[SEAL_TEXT_LEN + 1];
	const struct login_page page = {
		.view = what->view,
		.host = what->host,
		.csrf = slice_of(csrf, SEAL_TEXT_LEN),
		.code = slice_from_str(what->form->code),
		.account = slice_from_str(what->form->account),
		.problem = what->problem,
		.retry_after_s = what->retry_after_s,
	};

	login_seal(what->service, (struct seal_about) {parts, 1}, LOGIN_FORM_S, csrf);
	login_page_write(out, &page, reply);
}

static struct login_job *login_job_of(struct api_later *l)
{
	return CONTAINER_OF(l, struct login_job, later);
}

/* The question, with the proof that whoever answers it knew the password. */
static void login_job_write_question(struct login_job *j, struct buf *out, struct reply *reply)
{
	const struct slice form[] = {login_form_what()};
	const struct slice about[] = {SLICE("adit login proof"), slice_from_str(j->account.name),
		slice_from_str(j->account.password_hash), slice_from_str(j->device.user_code)};
	char csrf[SEAL_TEXT_LEN + 1], proof[SEAL_TEXT_LEN + 1];
	const struct login_page page = {
		.view = LOGIN_DECIDE,
		.host = buf_slice(&j->host),
		.csrf = slice_of(csrf, SEAL_TEXT_LEN),
		.code = slice_from_str(j->device.user_code),
		.account = slice_from_str(j->account.name),
		.machine = slice_from_str(j->device.host),
		.address = slice_from_str(j->device.address),
		.proof = slice_of(proof, SEAL_TEXT_LEN),
	};
	struct admin_service *service = j->worker->shared->admin;

	login_seal(service, (struct seal_about) {form, ARRAY_LEN(form)}, LOGIN_FORM_S, csrf);
	login_seal(service, (struct seal_about) {about, ARRAY_LEN(about)}, LOGIN_PROOF_S, proof);
	login_page_write(out, &page, reply);
}

static void login_job_write(struct api_later *l, struct buf *out, struct reply *reply)
{
	struct login_job *j = login_job_of(l);
	const struct login_showing what = {.service = j->worker->shared->admin,
		.form = &j->form,
		.view = j->view,
		.host = buf_slice(&j->host),
		.problem = buf_slice(&j->problem)};

	if (j->view == LOGIN_DECIDE)
		login_job_write_question(j, out, reply);
	else
		login_job_show(out, &what, reply);
}

static void login_job_free(struct api_later *l)
{
	struct login_job *j = login_job_of(l);

	admin_service_leave(j->worker->shared->admin);
	buf_release(&j->problem);
	buf_release(&j->host);
	buf_release(&j->storing.why);
	mem_wipe(&j->digest, sizeof(j->digest));
	mem_free(j);
}

/* ---- the password ---- */

/* The same work whether there is such an account, with a password, or not. */
static void login_job_on_check(struct crew_job *job)
{
	struct login_job *j = CONTAINER_OF(job, struct login_job, checking);
	struct admin_service *service = j->worker->shared->admin;
	const char *hash = j->account.password_hash;
	struct password_digest nothing;
	bool matches;

	if (!*service->no_hash) {
		password_digest(SLICE("no password"), &nothing);
		admin_call_hash(&nothing, j->cost, service->no_hash);
	}
	matches = password_matches(&j->digest, *hash ? hash : service->no_hash);
	j->is_right = matches && *hash && !j->account.disabled;
	mem_wipe(&j->digest, sizeof(j->digest));
}

static void login_job_on_checked(struct crew_job *job)
{
	struct login_job *j = CONTAINER_OF(job, struct login_job, checking);
	struct admin_service *service = j->worker->shared->admin;
	bool found = j->is_right && !job->dropped &&
		admin_devices_find(
			service->devices, loop_wall_ms(), slice_from_str(j->form.code), &j->device);

	j->view = found ? LOGIN_DECIDE : LOGIN_WRONG;
	if (found)
		login_guard_succeed(service->guard, slice_from_str(j->form.address),
			slice_from_str(j->form.account));
	api_later_done(&j->later);
}

/* ---- the decision ---- */

static struct admin_request login_job_request(const struct login_job *j)
{
	struct admin_request q = {
		.address = slice_from_str(j->form.address), .now_ms = loop_wall_ms()};

	q.who.grant.account_id = j->account.id;
	memcpy(q.who.grant.account, j->account.name, sizeof(q.who.grant.account));
	return q;
}

static void login_job_label(const struct login_job *j, char out[RECORD_LABEL_MAX + 1])
{
	snprintf(
		out, RECORD_LABEL_MAX + 1, "%.63s", *j->device.host ? j->device.host : "a machine");
}

/* Makes the key, or writes down that it was not wanted. */
static int login_job_on_store(struct store_job *job, struct db *db)
{
	struct login_job *j = CONTAINER_OF(job, struct login_job, storing);
	struct admin_context c = {.db = db, .book = j->worker->shared->book};
	struct admin_keys_order order = {.event = "login.approved"};
	struct admin_request q = login_job_request(j);
	struct slice code = slice_from_str(j->form.code);
	struct admin_devices *devices = j->worker->shared->admin->devices;
	struct admin_reply reply = {0};
	struct audit audit;
	int err = 0;

	if (!j->approves) {
		admin_audit_of(&audit, &q, "login.denied", j->device.user_code, NULL);
		return ledger_audit_add(db, &audit);
	}
	order.key.account_id = j->account.id;
	order.key.scope.http = order.key.scope.tcp = true;
	login_job_label(j, order.key.label);
	if (admin_keys_make(&c, &q, &order, &reply)) {
		admin_devices_settle(devices, code, ADMIN_DEVICES_APPROVE, buf_slice(&order.text));
		j->view = LOGIN_APPROVED;
		mem_wipe(order.text.base, order.text.cap);
	} else {
		buf_append_str(&j->problem, reply.code);
	}
	buf_release(&order.text);
	buf_release(&reply.body);
	return err;
}

static void login_job_on_stored(struct store_job *job)
{
	struct login_job *j = CONTAINER_OF(job, struct login_job, storing);

	if (j->view == LOGIN_FAILED)
		admin_devices_unclaim(
			j->worker->shared->admin->devices, slice_from_str(j->form.code));
	api_later_done(&j->later);
}

/* The account as it is now, if it still has the password that the proof is about. */
static bool login_job_is_proven(struct login_job *j)
{
	const struct slice about[] = {SLICE("adit login proof"), slice_from_str(j->account.name),
		slice_from_str(j->account.password_hash), slice_from_str(j->form.code)};

	return j->account.id && !j->account.disabled &&
		login_is_sealed(j->worker->shared->admin,
			(struct seal_about) {about, ARRAY_LEN(about)}, j->form.proof);
}

static enum login_view login_job_decide(struct login_job *j)
{
	struct admin_devices *devices = j->worker->shared->admin->devices;
	struct slice code = slice_from_str(j->form.code);
	uint64_t now_ms = loop_wall_ms();
	enum login_view view = LOGIN_FAILED;

	if (!login_job_is_proven(j))
		return LOGIN_FORGED;
	if (!admin_devices_find(devices, now_ms, code, &j->device) ||
		!admin_devices_claim(devices, now_ms, code))
		return LOGIN_OVER;
	if (!j->approves) {
		admin_devices_settle(devices, code, ADMIN_DEVICES_DENY, (struct slice) {NULL, 0});
		view = LOGIN_DENIED;
	}
	j->view = view;
	j->storing.run = login_job_on_store;
	j->storing.done = login_job_on_stored;
	/* Once it is submitted, what became of it is for the store's thread to say. */
	if (store_submit(j->worker->shared->store, &j->storing, j->worker->loop) == 0)
		return view;
	if (j->approves)
		admin_devices_unclaim(devices, code);
	return LOGIN_BUSY;
}

/* ---- starting ---- */

static struct login_job *login_job_new(
	struct worker *w, const struct login_form *form, const struct http_host *host)
{
	struct login_job *j = MEM_NEW(struct login_job);

	j->later.write = login_job_write;
	j->later.free = login_job_free;
	j->worker = w;
	j->cost = w->conf->bcrypt_cost;
	j->form = *form;
	mem_wipe(j->form.password, sizeof(j->form.password));
	public_url_write_host(&j->host, w->conf, host);
	if (!book_find_account_named(w->shared->book, slice_from_str(form->account), &j->account))
		j->account = (struct account) {0};
	return j;
}

static enum login_view login_job_check(
	struct login_job *j, const struct login_form *form, unsigned *wait_s_out)
{
	struct admin_service *service = j->worker->shared->admin;
	uint64_t wait_ms = login_guard_try(service->guard, slice_from_str(form->address),
		slice_from_str(form->account), loop_now(j->worker->loop));

	if (wait_ms) {
		*wait_s_out = (unsigned)((wait_ms + 999) / 1000);
		return LOGIN_BLOCKED;
	}
	password_digest(slice_from_str(form->password), &j->digest);
	j->checking.run = login_job_on_check;
	j->checking.done = login_job_on_checked;
	*wait_s_out = 1;
	return crew_submit(service->crew, &j->checking, j->worker->loop) == 0 ? LOGIN_DECIDE
									      : LOGIN_BUSY;
}

enum login_view login_job_start(struct worker *w, const struct login_form *form,
	const struct http_host *host, unsigned *wait_s_out, struct api_later **later_out)
{
	bool signs_in = strcmp(form->step, "sign-in") == 0;
	bool approves = strcmp(form->step, "approve") == 0;
	struct login_job *j;
	enum login_view view;
	bool under_way;

	if (!signs_in && !approves && strcmp(form->step, "deny") != 0)
		return LOGIN_FORGED;
	if (!admin_service_enter(w->shared->admin))
		return LOGIN_BUSY;
	j = login_job_new(w, form, host);
	j->approves = approves;
	view = signs_in ? login_job_check(j, form, wait_s_out) : login_job_decide(j);
	under_way = signs_in ? view == LOGIN_DECIDE : view == LOGIN_FAILED || view == LOGIN_DENIED;
	if (under_way)
		*later_out = &j->later;
	else
		login_job_free(&j->later);
	return view;
}
