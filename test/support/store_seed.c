/*
 * Puts accounts, keys and names into a store that no relay has open, for the system tests:
 *
 *     store_seed adit.db < commands
 *
 * A command is a line of words; "key" prints the text of the key that it made.
 *
 *     account NAME [plan=PLAN] [disabled=1]
 *     key ACCOUNT [names=a*,b] [http=0] [tcp=1] [admin=1] [ports=FIRST-LAST] [expires=MS]
 *     revoke KEY-ID
 *     name NAME ACCOUNT
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "crypto/api_key.h"
#include "io/loop.h"
#include "store/book.h"
#include "store/db.h"
#include "store/db_open.h"
#include "store/ledger.h"

#define SEED_LINE_MAX 1024
#define SEED_WORDS_MAX 10
#define SEED_DEADLINE_MS 20000u

struct seed {
	struct db *db;
	struct book *book;
	const char *words[SEED_WORDS_MAX];
	size_t count;
};

static void seed_end(const char *what, const char *why)
{
	fprintf(stderr, "store_seed: %s: %s\n", what, why);
	exit(1);
}

static void seed_check(const struct seed *s, int err)
{
	if (err)
		seed_end(s->words[0], *db_error(s->db) ? db_error(s->db) : err_text(err));
}

/* The value of "name=value", or NULL. */
static const char *seed_value(const struct seed *s, const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 2; i < s->count; i++) {
		if (strncmp(s->words[i], name, len) == 0 && s->words[i][len] == '=')
			return s->words[i] + len + 1;
	}
	return NULL;
}

static bool seed_flag(const struct seed *s, const char *name, bool otherwise)
{
	const char *value = seed_value(s, name);

	return value ? *value == '1' : otherwise;
}

static void seed_text(const struct seed *s, const char *name, char *out, size_t size)
{
	const char *value = seed_value(s, name);

	snprintf(out, size, "%s", value ? value : "");
	for (char *c = out; *c; c++) {
		if (*c == ',')
			*c = ' ';
	}
}

static void seed_account(struct seed *s)
{
	struct account a = {
		.created_ms = loop_wall_ms(), .disabled = seed_flag(s, "disabled", false)};

	snprintf(a.name, sizeof(a.name), "%s", s->words[1]);
	seed_text(s, "plan", a.plan, sizeof(a.plan));
	seed_check(s, ledger_account_add(s->db, &a, NULL));
	book_put_account(s->book, &a);
}

static uint64_t seed_account_id(const struct seed *s, const char *name)
{
	struct account a = {0};

	if (!book_find_account_named(s->book, slice_from_str(name), &a))
		seed_end(name, "no such account");
	return a.id;
}

static void seed_key(struct seed *s)
{
	const char *ports = seed_value(s, "ports"), *expires = seed_value(s, "expires");
	char text[API_KEY_TEXT_LEN + 1];
	struct key k = {
		.account_id = seed_account_id(s, s->words[1]),
		.created_ms = loop_wall_ms(),
		.scope = {.http = seed_flag(s, "http", true),
			.tcp = seed_flag(s, "tcp", true),
			.admin = seed_flag(s, "admin", false)},
	};
	struct slice id;

	api_key_make(text);
	CHECK(api_key_parse(slice_from_str(text), &id));
	slice_to_str(id, k.id, sizeof(k.id));
	api_key_hash(slice_from_str(text), k.hash);
	seed_text(s, "names", k.scope.names, sizeof(k.scope.names));
	if (ports) {
		k.scope.port_first = (uint16_t)strtoul(ports, NULL, 10);
		k.scope.port_last = (uint16_t)strtoul(strchr(ports, '-') + 1, NULL, 10);
	}
	if (expires)
		k.expires_ms = strtoull(expires, NULL, 10);
	seed_check(s, ledger_key_add(s->db, &k, NULL));
	book_put_key(s->book, &k);
	printf("%s\n", text);
	mem_wipe(text, sizeof(text));
}

static void seed_revoke(struct seed *s)
{
	struct key k;

	if (!book_find_key(s->book, slice_from_str(s->words[1]), &k))
		seed_end(s->words[1], "no such key");
	k.revoked_ms = loop_wall_ms();
	seed_check(s, ledger_key_set(s->db, &k, NULL));
}

static void seed_name(struct seed *s)
{
	struct name_record n = {.created_ms = loop_wall_ms()};

	if (s->count < 3)
		seed_end(s->words[1], "whose name is it?");
	n.account_id = seed_account_id(s, s->words[2]);
	snprintf(n.name, sizeof(n.name), "%s", s->words[1]);
	seed_check(s, ledger_name_add(s->db, &n, NULL));
}

static void seed_command(struct seed *s)
{
	if (s->count < 2)
		seed_end(s->count ? s->words[0] : "", "what?");
	else if (strcmp(s->words[0], "account") == 0)
		seed_account(s);
	else if (strcmp(s->words[0], "key") == 0)
		seed_key(s);
	else if (strcmp(s->words[0], "revoke") == 0)
		seed_revoke(s);
	else if (strcmp(s->words[0], "name") == 0)
		seed_name(s);
	else
		seed_end(s->words[0], "no such command");
}

static void seed_open(struct seed *s, const char *where)
{
	bool is_url = strstr(where, "://");
	const struct db_conf conf = {
		.path = is_url ? NULL : where,
		.url = is_url ? where : NULL,
		.instance = 1,
	};
	struct buf why = {0};

	if (db_open(&conf, loop_clock_us() / 1000 + SEED_DEADLINE_MS, &s->db, &why) != 0) {
		buf_append_char(&why, '\0');
		seed_end(where, why.base);
	}
	buf_release(&why);
	s->words[0] = where;
	seed_check(s, book_load(s->book, s->db));
}

int main(int argc, char **argv)
{
	struct seed s = {.book = book_new()};
	char line[SEED_LINE_MAX];

	if (argc != 2)
		seed_end("usage", "store_seed FILE-OR-URL < commands");
	seed_open(&s, argv[1]);
	while (fgets(line, sizeof(line), stdin)) {
		char *rest = line, *word;

		s.count = 0;
		while (s.count < SEED_WORDS_MAX && (word = strsep(&rest, " \n")) != NULL) {
			if (*word)
				s.words[s.count++] = word;
		}
		seed_command(&s);
	}
	db_close(&s.db);
	book_free(&s.book);
	return 0;
}
