/* What was read at the start is read again whenever the database was away: it may be another one.
 */
#include "relay/relay_store.h"

#include "relay/directory.h"
#include "relay/relay_conf.h"
#include "relay/worker.h"
#include "store/book.h"
#include "store/ledger_meta.h"
#include "store/store.h"

#define RELAY_STORE_FILE "adit.db"
#define RELAY_STORE_PATIENCE_MS 5000u

static int relay_store_on_port(void *ctx, struct slice name, uint16_t port)
{
	directory_remember(ctx, name, port);
	return 0;
}

static int relay_store_on_opened(void *ctx, struct db *db)
{
	struct relay_shared *shared = ctx;
	int err = book_load(shared->book, db);

	if (!err && shared->directory)
		err = ledger_ports(db, relay_store_on_port, shared->directory);
	return err;
}

/* On the store's thread: who has a key that changed is on any worker. */
static void relay_store_on_changed(void *ctx, enum book_subject subject)
{
	struct relay_shared *shared = ctx;

	for (unsigned i = 0; subject != BOOK_NAME && i < shared->worker_count; i++)
		worker_review(shared->workers[i]);
}

int relay_store_open(
	struct relay_shared *shared, const struct relay_conf *conf, struct buf *message)
{
	struct buf path = {0};
	struct store_conf store = {
		.url = conf->database,
		.patience_ms = RELAY_STORE_PATIENCE_MS,
		.opened = relay_store_on_opened,
		.ctx = shared,
	};
	int err;

	if (!relay_conf_has_store(conf))
		return 0;
	if (!conf->database) {
		buf_printf(&path, "%s/%s", conf->state_dir, RELAY_STORE_FILE);
		buf_append_char(&path, '\0');
		store.path = path.base;
	}
	shared->book = book_new();
	book_listen(shared->book, relay_store_on_changed, shared);
	err = store_open(&store, shared->log, &shared->store, message);
	buf_release(&path);
	if (err)
		book_free(&shared->book);
	return err;
}

void relay_store_close(struct relay_shared *shared)
{
	store_free(&shared->store);
	book_free(&shared->book);
}
