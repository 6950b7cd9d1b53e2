/* A store that cannot be asked costs visitors their sessions, not the relay its start. */
#include "relay/gate_secret.h"

#include "base/err.h"
#include "base/mem.h"
#include "crypto/digest.h"
#include "crypto/rand.h"
#include "relay/worker.h"
#include "store/ledger_meta.h"
#include "store/store.h"

#define GATE_SECRET_NAME "gate_secret"

struct gate_secret_job {
	struct store_job job;
	uint8_t *secret; /* borrowed: random, and kept when there is none yet */
};

static int gate_secret_on_run(struct store_job *job, struct db *db)
{
	struct gate_secret_job *j = CONTAINER_OF(job, struct gate_secret_job, job);
	char hex[2 * RELAY_SHARED_SECRET_LEN + 1];
	struct buf kept = {0};
	int err = ledger_meta_get(db, GATE_SECRET_NAME, &kept);

	if (!err && !digest_unhex(buf_slice(&kept), j->secret, RELAY_SHARED_SECRET_LEN))
		err = ERR_NOT_FOUND;
	if (err == ERR_NOT_FOUND) {
		digest_hex(j->secret, RELAY_SHARED_SECRET_LEN, hex);
		err = ledger_meta_set(db, GATE_SECRET_NAME, slice_of(hex, sizeof(hex) - 1));
		mem_wipe(hex, sizeof(hex));
	}
	buf_wipe(&kept);
	return err;
}

void gate_secret_load(struct relay_shared *shared)
{
	struct gate_secret_job job = {
		.job = {.run = gate_secret_on_run}, .secret = shared->gate_secret};

	rand_bytes(shared->gate_secret, sizeof(shared->gate_secret));
	if (shared->store && store_run_now(shared->store, &job.job) != 0)
		log_warn(shared->log, "visitors' sessions will not outlive this process",
			LOG_STR("reason", buf_slice(&job.job.why)));
	buf_release(&job.job.why);
	for (unsigned i = 0; i < shared->worker_count; i++)
		worker_use_secret(shared->workers[i]);
}
