/*
 * A program around the store for tests that kill it, or what it writes to. The database is a path,
 * or the URL in ADIT_TEST_DATABASE. It says "ready" once the store is open.
 *
 * "store_writer [PATH] run TAG" changes accounts, keys and names for ever, one after the other,
 * and prints each change that was acknowledged: "EVENT SUBJECT". One that failed begins with "?".
 *
 * "store_writer [PATH] ask" reads lines: "account NAME" adds one, "accounts" counts them, "fill
 * BYTES" writes a value, "health" asks. It answers each with the milliseconds that it took, and
 * with "ok" and the count, or the error and why. A job has two seconds.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/loop.h"
#include "store/db.h"
#include "store/ledger.h"
#include "store/ledger_meta.h"
#include "store/record.h"
#include "store/store.h"

/* One change, as a job. */
struct change {
	struct store_job job;
	const char *event;
	struct audit audit;
	struct account account;
	struct key key;
	struct name_record name;
	size_t size; /* of a value */
	unsigned count;
};

static int on_account(void *ctx, const struct account *account)
{
	++*(unsigned *)ctx;
	return 0;
}

static int fill(struct db *db, size_t size)
{
	char *bytes = mem_alloc(size);
	int err = db_begin(db);

	memset(bytes, 'x', size);
	if (!err)
		err = db_end(db, ledger_meta_set(db, "filler", slice_of(bytes, size)));
	mem_free(bytes);
	return err;
}

static int on_run(struct store_job *job, struct db *db)
{
	struct change *c = CONTAINER_OF(job, struct change, job);
	struct slice event = slice_from_str(c->event);

	if (slice_eq(event, SLICE("account.added")))
		return ledger_account_add(db, &c->account, &c->audit);
	if (slice_starts(event, SLICE("account.")))
		return ledger_account_set(db, &c->account, &c->audit);
	if (slice_eq(event, SLICE("key.created")))
		return ledger_key_add(db, &c->key, &c->audit);
	if (slice_eq(event, SLICE("key.revoked")))
		return ledger_key_set(db, &c->key, &c->audit);
	if (slice_eq(event, SLICE("name.reserved")))
		return ledger_name_add(db, &c->name, &c->audit);
	if (slice_eq(event, SLICE("name.released")))
		return ledger_name_remove(db, c->name.name, &c->audit);
	if (slice_eq(event, SLICE("fill")))
		return fill(db, c->size);
	return ledger_accounts(db, on_account, &c->count);
}

/* One system call for a line, so that a line is there whole or not at all. */
static void PRINTF_LIKE(1, 2) say(const char *format, ...)
{
	struct buf line;
	char text[1024];
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(text, sizeof(text) - 1, format, args);
	va_end(args);
	buf_init(&line);
	buf_append(&line, text, (size_t)len < sizeof(text) - 1 ? (size_t)len : sizeof(text) - 2);
	buf_append_char(&line, '\n');
	if (write(STDOUT_FILENO, buf_slice(&line).ptr, buf_len(&line)) < 0)
		exit(2);
	buf_release(&line);
}

static void do_change(struct store *s, struct change *c, const char *event, const char *subject)
{
	c->event = event;
	c->job.run = on_run;
	c->audit = (struct audit) {.at_ms = loop_wall_ms(), .actor = "writer"};
	snprintf(c->audit.event, sizeof(c->audit.event), "%s", event);
	snprintf(c->audit.subject, sizeof(c->audit.subject), "%s", subject);
	if (store_run_now(s, &c->job) == 0)
		say("%s %s", event, subject);
	else
		say("? %s %s: %.*s", event, subject, SLICE_ARG(buf_slice(&c->job.why)));
	buf_release(&c->job.why);
}

static void run_round(struct store *s, unsigned tag, unsigned round)
{
	struct change c = {.count = 0};

	snprintf(c.account.name, sizeof(c.account.name), "a%u-%u", tag, round);
	do_change(s, &c, "account.added", c.account.name);
	c.key.account_id = c.name.account_id = c.account.id;
	snprintf(c.key.id, sizeof(c.key.id), "%06x%06x", tag & 0xffffff, round & 0xffffff);
	memcpy(c.key.hash, c.key.id, RECORD_KEY_ID_LEN);
	do_change(s, &c, "key.created", c.key.id);
	snprintf(c.name.name, sizeof(c.name.name), "n%u-%u", tag, round);
	do_change(s, &c, "name.reserved", c.name.name);
	c.key.revoked_ms = 1;
	do_change(s, &c, "key.revoked", c.key.id);
	if (round % 3 == 0)
		do_change(s, &c, "name.released", c.name.name);
	c.account.disabled = true;
	if (round % 2 == 0)
		do_change(s, &c, "account.disabled", c.account.name);
}

static void answer(struct store *s, struct slice line)
{
	uint64_t begin = loop_clock_us();
	struct slice rest = line, verb = line, text = SLICE("");
	struct change c = {.event = "accounts", .job = {.run = on_run}};
	int err;

	slice_split(&rest, ' ', &verb);
	if (rest.ptr)
		text = rest;
	if (slice_eq(verb, SLICE("account"))) {
		c.event = "account.added";
		slice_to_str(text, c.account.name, sizeof(c.account.name));
	} else if (slice_eq(verb, SLICE("fill"))) {
		c.event = "fill";
		c.size = strtoul(text.ptr, NULL, 10);
	}
	if (slice_eq(verb, SLICE("health")))
		err = store_is_well(s, &c.job.why) ? 0 : ERR_UNAVAILABLE;
	else
		err = store_run_now(s, &c.job);
	say("%llu %s%s%.*s %u", (unsigned long long)(loop_clock_us() - begin) / 1000,
		err ? err_text(err) : "ok", err ? ": " : "", SLICE_ARG(buf_slice(&c.job.why)),
		c.count);
	buf_release(&c.job.why);
}

static void answer_all(struct store *s)
{
	char line[256];

	while (fgets(line, sizeof(line), stdin))
		answer(s, slice_trim_lines(slice_from_str(line)));
}

static int open_store(
	const char *path, unsigned deadline_ms, struct log *log, struct store **store_out)
{
	const struct store_conf conf = {
		.path = path,
		.url = path ? NULL : getenv("ADIT_TEST_DATABASE"),
		.deadline_ms = deadline_ms,
		.patience_ms = getenv("ADIT_TEST_PATIENCE") ? 60000 : 0,
	};
	struct buf message;
	int err;

	buf_init(&message);
	err = store_open(&conf, log, store_out, &message);
	if (err)
		say("%.*s", SLICE_ARG(buf_slice(&message)));
	else
		say("ready");
	buf_release(&message);
	return err;
}

int main(int argc, char **argv)
{
	const char *path = argc > 1 && argv[1][0] == '/' ? argv[1] : NULL;
	char **args = argv + (path ? 2 : 1);
	struct store *store = NULL;
	struct log *log;
	bool is_run;

	if (!args[0])
		return 2;
	log = log_new(STDERR_FILENO, LOG_INFO, LOG_FORMAT_JSON);
	is_run = strcmp(args[0], "run") == 0;
	if (open_store(path, is_run ? 30000 : 2000, log, &store) == 0 && !is_run)
		answer_all(store);
	for (unsigned i = 0; store && is_run && args[1]; i++)
		run_round(store, (unsigned)strtoul(args[1], NULL, 10), i);
	store_free(&store);
	log_free(&log);
	return 0;
}
