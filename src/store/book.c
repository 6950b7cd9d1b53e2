/*
 * Maps under one lock that many may read at a time. A flood of keys that nobody has ends at the
 * first map; only a key whose id is known is hashed.
 */
#include "store/book.h"

#include <pthread.h>

#include "base/check.h"
#include "base/list.h"
#include "base/map.h"
#include "base/mem.h"
#include "crypto/api_key.h"
#include "crypto/ct.h"
#include "crypto/rand.h"
#include "store/ledger.h"

_Static_assert(API_KEY_ID_LEN == RECORD_KEY_ID_LEN, "ids of keys");
_Static_assert(API_KEY_HASH_LEN == RECORD_KEY_HASH_LEN, "hashes of keys");

struct book_account {
	struct account record;
	size_t reserved; /* names */
};

struct book_key {
	struct key record;
	struct book_account *account; /* borrowed */
	struct list names; /* struct book_name, the oldest first */
};

struct book_name {
	struct name_record record;
	struct book_account *account; /* borrowed */
	struct list in_key; /* of the key that it was given to */
};

struct book {
	pthread_rwlock_t lock;
	struct map accounts; /* by the eight bytes of the id; owns struct book_account */
	struct map accounts_named; /* the same ones */
	struct map keys; /* owns struct book_key */
	struct map names; /* owns struct book_name */
	book_changed_fn changed;
	void *changed_ctx;
};

static struct slice book_id(const uint64_t *id)
{
	return slice_of(id, sizeof(*id));
}

struct book *book_new(void)
{
	struct book *b = MEM_NEW(struct book);
	pthread_rwlockattr_t attr;
	uint64_t seed[2];

	rand_bytes(seed, sizeof(seed));
	CHECK(pthread_rwlockattr_init(&attr) == 0);
	/* Workers that ask all the time must not keep a revocation out. */
	CHECK(pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP) ==
		0);
	CHECK(pthread_rwlock_init(&b->lock, &attr) == 0);
	CHECK(pthread_rwlockattr_destroy(&attr) == 0);
	map_init(&b->accounts, seed);
	map_init(&b->accounts_named, seed);
	map_init(&b->keys, seed);
	map_init(&b->names, seed);
	return b;
}

static void book_free_map(struct map *m)
{
	size_t at = 0;
	void *entry;

	while ((entry = map_next(m, &at)) != NULL)
		mem_free(entry);
	map_deinit(m);
}

void book_free(struct book **b_ptr)
{
	struct book *b = *b_ptr;

	if (!b)
		return;
	*b_ptr = NULL;
	book_free_map(&b->names);
	book_free_map(&b->keys);
	map_deinit(&b->accounts_named);
	book_free_map(&b->accounts);
	CHECK(pthread_rwlock_destroy(&b->lock) == 0);
	mem_free(b);
}

void book_listen(struct book *b, book_changed_fn changed, void *ctx)
{
	CHECK(pthread_rwlock_wrlock(&b->lock) == 0);
	b->changed = changed;
	b->changed_ctx = ctx;
	CHECK(pthread_rwlock_unlock(&b->lock) == 0);
}

static void book_read(struct book *b)
{
	CHECK(pthread_rwlock_rdlock(&b->lock) == 0);
}

static void book_write(struct book *b)
{
	CHECK(pthread_rwlock_wrlock(&b->lock) == 0);
}

static void book_done(struct book *b)
{
	CHECK(pthread_rwlock_unlock(&b->lock) == 0);
}

/* Ends a change. */
static void book_tell(struct book *b, enum book_subject subject)
{
	book_changed_fn changed = b->changed;
	void *ctx = b->changed_ctx;

	book_done(b);
	if (changed)
		changed(ctx, subject);
}

/* ---- keys ---- */

static enum book_verdict book_judge(
	const struct book_key *k, uint64_t now_ms, struct book_grant *out)
{
	if (k->record.revoked_ms)
		return BOOK_REVOKED;
	if (k->record.expires_ms && k->record.expires_ms <= now_ms)
		return BOOK_EXPIRED;
	if (k->account->record.disabled)
		return BOOK_DISABLED;
	out->account_id = k->record.account_id;
	out->expires_ms = k->record.expires_ms;
	out->scope = k->record.scope;
	memcpy(out->account, k->account->record.name, sizeof(out->account));
	memcpy(out->plan, k->account->record.plan, sizeof(out->plan));
	memcpy(out->key_id, k->record.id, sizeof(out->key_id));
	return BOOK_OK;
}

enum book_verdict book_check_key(
	struct book *b, struct slice text, uint64_t now_ms, struct book_grant *out)
{
	enum book_verdict verdict = BOOK_UNKNOWN;
	uint8_t hash[API_KEY_HASH_LEN];
	const struct book_key *k;
	struct slice id;

	if (!api_key_parse(text, &id))
		return BOOK_UNKNOWN;
	book_read(b);
	k = map_get(&b->keys, id);
	if (k) {
		api_key_hash(text, hash);
		if (ct_equal(hash, k->record.hash, sizeof(hash)))
			verdict = book_judge(k, now_ms, out);
	}
	book_done(b);
	return verdict;
}

enum book_verdict book_check_key_id(
	struct book *b, struct slice id, uint64_t now_ms, struct book_grant *out)
{
	enum book_verdict verdict;
	const struct book_key *k;

	book_read(b);
	k = map_get(&b->keys, id);
	verdict = k ? book_judge(k, now_ms, out) : BOOK_UNKNOWN;
	book_done(b);
	return verdict;
}

bool book_find_key(struct book *b, struct slice id, struct key *out)
{
	const struct book_key *k;

	book_read(b);
	k = map_get(&b->keys, id);
	if (k && out)
		*out = k->record;
	book_done(b);
	return k;
}

bool book_use_key(struct book *b, struct slice id, uint64_t now_ms, uint64_t interval_ms)
{
	struct book_key *k;
	bool due;

	book_write(b);
	k = map_get(&b->keys, id);
	due = k && k->record.used_ms + interval_ms <= now_ms;
	if (due)
		k->record.used_ms = now_ms;
	book_done(b);
	return due;
}

static bool book_put_key_locked(struct book *b, const struct key *record)
{
	struct book_account *account = map_get(&b->accounts, book_id(&record->account_id));
	struct book_key *k = map_get(&b->keys, slice_from_str(record->id));

	if (!account)
		return false;
	if (k) {
		k->record = *record;
		k->account = account;
		return true;
	}
	k = MEM_NEW(struct book_key);
	k->record = *record;
	k->account = account;
	list_init(&k->names);
	map_put(&b->keys, slice_from_str(k->record.id), k);
	return true;
}

void book_put_key(struct book *b, const struct key *k)
{
	book_write(b);
	if (book_put_key_locked(b, k))
		book_tell(b, BOOK_KEY);
	else
		book_done(b);
}

/* ---- accounts ---- */

bool book_find_account(struct book *b, uint64_t id, struct account *out)
{
	const struct book_account *a;

	book_read(b);
	a = map_get(&b->accounts, book_id(&id));
	if (a && out)
		*out = a->record;
	book_done(b);
	return a;
}

bool book_find_account_named(struct book *b, struct slice name, struct account *out)
{
	const struct book_account *a;

	book_read(b);
	a = map_get(&b->accounts_named, name);
	if (a && out)
		*out = a->record;
	book_done(b);
	return a;
}

void book_put_account(struct book *b, const struct account *record)
{
	struct book_account *a;

	book_write(b);
	a = map_get(&b->accounts, book_id(&record->id));
	if (a) {
		if (map_get(&b->accounts_named, slice_from_str(a->record.name)) == a)
			map_remove(&b->accounts_named, slice_from_str(a->record.name));
		a->record = *record;
	} else {
		a = MEM_NEW(struct book_account);
		a->record = *record;
		map_put(&b->accounts, book_id(&a->record.id), a);
	}
	/* The database knows no two of one name; who wrote into it by hand may be of another mind.
	 */
	if (!map_get(&b->accounts_named, slice_from_str(a->record.name)))
		map_put(&b->accounts_named, slice_from_str(a->record.name), a);
	book_tell(b, BOOK_ACCOUNT);
}

/* ---- names ---- */

bool book_find_name(struct book *b, struct slice name, struct name_record *out)
{
	const struct book_name *n;

	book_read(b);
	n = map_get(&b->names, name);
	if (n && out)
		*out = n->record;
	book_done(b);
	return n;
}

uint64_t book_name_owner(struct book *b, struct slice name)
{
	const struct book_name *n;
	uint64_t owner;

	book_read(b);
	n = map_get(&b->names, name);
	owner = n ? n->record.account_id : 0;
	book_done(b);
	return owner;
}

size_t book_names_of_key(struct book *b, struct slice key_id, struct name_record *out, size_t max)
{
	const struct book_key *k;
	size_t count = 0;

	book_read(b);
	k = map_get(&b->keys, key_id);
	if (k) {
		LIST_EACH (node, &k->names) {
			if (count < max)
				out[count] = CONTAINER_OF(node, struct book_name, in_key)->record;
			count++;
		}
	}
	book_done(b);
	return count;
}

size_t book_reserved_count(struct book *b, uint64_t account_id)
{
	const struct book_account *a;
	size_t count;

	book_read(b);
	a = map_get(&b->accounts, book_id(&account_id));
	count = a ? a->reserved : 0;
	book_done(b);
	return count;
}

static struct book_name *book_take_name(struct book *b, struct slice name)
{
	struct book_name *n = map_remove(&b->names, name);

	if (!n)
		return NULL;
	list_remove(&n->in_key);
	n->account->reserved -= !n->record.key_id[0];
	return n;
}

/* Behind those that are older. */
static void book_join_key(struct book_key *k, struct book_name *n)
{
	struct list *at = k->names.prev;

	while (at != &k->names &&
		CONTAINER_OF(at, struct book_name, in_key)->record.created_ms >
			n->record.created_ms)
		at = at->prev;
	list_prepend(at, &n->in_key);
}

static bool book_put_name_locked(struct book *b, const struct name_record *record)
{
	struct book_account *account = map_get(&b->accounts, book_id(&record->account_id));
	struct book_key *k = map_get(&b->keys, slice_from_str(record->key_id));
	struct book_name *n;

	if (!account)
		return false;
	n = book_take_name(b, slice_from_str(record->name));
	if (!n)
		n = MEM_NEW(struct book_name);
	n->record = *record;
	n->account = account;
	list_init(&n->in_key);
	account->reserved += !record->key_id[0];
	if (k)
		book_join_key(k, n);
	map_put(&b->names, slice_from_str(n->record.name), n);
	return true;
}

void book_put_name(struct book *b, const struct name_record *n)
{
	book_write(b);
	if (book_put_name_locked(b, n))
		book_tell(b, BOOK_NAME);
	else
		book_done(b);
}

void book_drop_name(struct book *b, struct slice name)
{
	struct book_name *n;

	book_write(b);
	n = book_take_name(b, name);
	if (n)
		book_tell(b, BOOK_NAME);
	else
		book_done(b);
	mem_free(n);
}

/* ---- loading ---- */

static int book_on_account(void *ctx, const struct account *a)
{
	book_put_account(ctx, a);
	return 0;
}

static int book_on_key(void *ctx, const struct key *k)
{
	book_put_key(ctx, k);
	return 0;
}

static int book_on_name(void *ctx, const struct name_record *n)
{
	book_put_name(ctx, n);
	return 0;
}

static void book_swap(struct map *a, struct map *b)
{
	struct map kept = *a;

	*a = *b;
	*b = kept;
}

int book_load(struct book *b, struct db *db)
{
	struct book *next = book_new();
	int err = ledger_accounts(db, book_on_account, next);

	if (!err)
		err = ledger_keys(db, book_on_key, next);
	if (!err)
		err = ledger_names(db, book_on_name, next);
	if (!err) {
		book_write(b);
		book_swap(&b->accounts, &next->accounts);
		book_swap(&b->accounts_named, &next->accounts_named);
		book_swap(&b->keys, &next->keys);
		book_swap(&b->names, &next->names);
		book_tell(b, BOOK_KEY);
	}
	book_free(&next);
	return err;
}
