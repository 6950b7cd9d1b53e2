/*
 * The salt is no random number but a keyed hash of who asks for what: the same password of the
 * same tunnel has the same hash again after the relay was restarted, or after the agent has come
 * back, so that the sessions of visitors stay good. Without the relay's secret nobody knows it.
 */
#include "relay/gate_hash.h"

#include "base/mem.h"
#include "crypto/password.h"
#include "crypto/seal.h"
#include "io/crew.h"
#include "relay/worker.h"

struct gate_hash {
	struct crew_job job;
	struct worker *worker; /* borrowed */
	struct password_digest digest;
	uint8_t salt[PASSWORD_SALT_LEN];
	unsigned cost;
	bool is_started;
	bool is_done;
	bool abandoned; /* nobody waits; it frees itself */
	bool failed;
	void (*done)(void *ctx);
	void *ctx;
	char hash[PASSWORD_HASH_LEN + 1];
};

static void gate_hash_destroy(struct gate_hash *h)
{
	mem_wipe(h, sizeof(*h));
	mem_free(h);
}

static void gate_hash_on_run(struct crew_job *job)
{
	struct gate_hash *h = CONTAINER_OF(job, struct gate_hash, job);

	h->failed = password_hash(&h->digest, h->cost, h->salt, h->hash) != 0;
	mem_wipe(&h->digest, sizeof(h->digest));
}

static void gate_hash_on_done(struct crew_job *job)
{
	struct gate_hash *h = CONTAINER_OF(job, struct gate_hash, job);

	h->is_done = true;
	h->failed = h->failed || job->dropped;
	if (h->abandoned)
		gate_hash_destroy(h);
	else
		h->done(h->ctx);
}

static void gate_hash_make_salt(
	struct worker *w, const struct gate_hash_wish *wish, uint8_t out[PASSWORD_SALT_LEN])
{
	static const char kinds[] = "0123456789";
	const struct slice parts[] = {SLICE("adit salt"), wish->name,
		slice_of(&kinds[wish->who.kind], 1), wish->who.text};
	uint8_t mac[SEAL_MAC_LEN];

	seal_mac(w->seal, (struct seal_about) {parts, ARRAY_LEN(parts)}, mac);
	memcpy(out, mac, PASSWORD_SALT_LEN);
}

struct gate_hash *gate_hash_new(struct worker *w, const struct gate_hash_wish *wish)
{
	struct gate_hash *h = MEM_NEW(struct gate_hash);

	h->job.run = gate_hash_on_run;
	h->job.done = gate_hash_on_done;
	h->worker = w;
	h->cost = w->conf->bcrypt_cost;
	h->done = wish->done;
	h->ctx = wish->ctx;
	password_digest(wish->password, &h->digest);
	gate_hash_make_salt(w, wish, h->salt);
	return h;
}

int gate_hash_start(struct gate_hash *h)
{
	struct worker *w = h->worker;
	int err = crew_submit(w->shared->hashers, &h->job, w->loop);

	if (err)
		return err;
	h->is_started = true;
	metrics_add(w->metrics, METRIC_PASSWORDS_HASHED, 1);
	return 0;
}

const char *gate_hash_text(const struct gate_hash *h)
{
	return h->is_done && !h->failed ? h->hash : NULL;
}

void gate_hash_free(struct gate_hash **h_ptr)
{
	struct gate_hash *h = *h_ptr;

	if (!h)
		return;
	*h_ptr = NULL;
	/* Who goes away leaves no work behind for those who wait. */
	if (!h->is_started || h->is_done || crew_cancel(h->worker->shared->hashers, &h->job))
		gate_hash_destroy(h);
	else
		h->abandoned = true;
}
