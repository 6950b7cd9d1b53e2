/*
 * What is known of accounts, keys and names, in memory, for any thread: who asks here never waits
 * for the database. Loaded whole at the start; changed by the store thread once the database has
 * the change. Answers are copies, so that nothing is held while they are used.
 */
#ifndef STORE_BOOK_H
#define STORE_BOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/slice.h"
#include "store/record.h"

struct book;
struct db;

enum book_verdict {
	BOOK_OK,
	BOOK_UNKNOWN, /* no such key, or not its secret */
	BOOK_REVOKED,
	BOOK_EXPIRED,
	BOOK_DISABLED, /* its account is */
};

/* What a good key stands for. */
struct book_grant {
	uint64_t account_id;
	uint64_t expires_ms; /* 0: never */
	struct key_scope scope;
	char account[RECORD_ACCOUNT_MAX + 1];
	char plan[RECORD_PLAN_MAX + 1];
	char key_id[RECORD_KEY_ID_LEN + 1];
};

enum book_subject { BOOK_ACCOUNT, BOOK_KEY, BOOK_NAME };

/* Something is not as it was: read it anew. Called on the thread of the change, without locks. */
typedef void (*book_changed_fn)(void *ctx, enum book_subject subject);

struct book *book_new(void);
void book_free(struct book **book);
/* The one listener; set before other threads use the book. NULL ends it. */
void book_listen(struct book *b, book_changed_fn changed, void *ctx);

/* *out is filled on BOOK_OK alone. */
enum book_verdict book_check_key(
	struct book *b, struct slice text, uint64_t now_ms, struct book_grant *out);
/* The same for a key whose secret was checked before: whether it still holds. */
enum book_verdict book_check_key_id(
	struct book *b, struct slice id, uint64_t now_ms, struct book_grant *out);

/* False when there is none; *out may be NULL. */
bool book_find_account(struct book *b, uint64_t id, struct account *out);
bool book_find_account_named(struct book *b, struct slice name, struct account *out);
bool book_find_key(struct book *b, struct slice id, struct key *out);
bool book_find_name(struct book *b, struct slice name, struct name_record *out);
/* The account that a name is kept for, 0: nobody's. */
uint64_t book_name_owner(struct book *b, struct slice name);
/* The random names that were given to a key, in the order they came; returns how many there are,
 * of which at most max are copied. */
size_t book_names_of_key(struct book *b, struct slice key_id, struct name_record *out, size_t max);
/* How many names the account has reserved; those that its keys were given do not count. */
size_t book_reserved_count(struct book *b, uint64_t account_id);

/* Notes that the key is used now; true when that was not known for so long. Nobody is told. */
bool book_use_key(struct book *b, struct slice id, uint64_t now_ms, uint64_t interval_ms);

/* All that the database has, in place of what was known. On an error nothing changes. */
MUST_CHECK int book_load(struct book *b, struct db *db);
/* A record that is there already is replaced. Keys and names of an account that is not known are
 * left out; a name of a key that is not known is its account's. */
void book_put_account(struct book *b, const struct account *a);
void book_put_key(struct book *b, const struct key *k);
void book_put_name(struct book *b, const struct name_record *n);
void book_drop_name(struct book *b, struct slice name);

#endif
