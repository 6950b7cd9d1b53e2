/* The ledger, on SQLite, and on PostgreSQL where ADIT_TEST_DATABASE names one. */
#include "store/ledger.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "store/db.h"
#include "store/ledger_audit.h"
#include "store/ledger_meta.h"
#include "store/record.h"
#include "support/store_place.h"

#define FOUND_MAX 16u

/* What a walk brought. */
struct found {
	unsigned count;
	int answer; /* what the walk's callback returns */
	struct account accounts[FOUND_MAX];
	struct key keys[FOUND_MAX];
	struct name_record names[FOUND_MAX];
	struct audit audits[FOUND_MAX];
	char detail[64];
};

struct fixture {
	struct store_place place;
	struct db *db;
	struct found found;
};

static const struct audit by_me = {
	.at_ms = 1764412345678, .actor = "operator", .event = "account.added", .subject = "anna"};

static int set_up(void **state)
{
	static struct fixture f;

	store_place_init(&f.place);
	f.db = store_place_open(&f.place);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	db_close(&f->db);
	store_place_deinit(&f->place);
	return 0;
}

static struct found *nothing(struct fixture *f)
{
	memset(&f->found, 0, sizeof(f->found));
	return &f->found;
}

static int on_account(void *ctx, const struct account *a)
{
	struct found *found = ctx;

	found->accounts[found->count++ % FOUND_MAX] = *a;
	return found->answer;
}

static int on_key(void *ctx, const struct key *k)
{
	struct found *found = ctx;

	found->keys[found->count++ % FOUND_MAX] = *k;
	return found->answer;
}

static int on_name(void *ctx, const struct name_record *n)
{
	struct found *found = ctx;

	found->names[found->count++ % FOUND_MAX] = *n;
	return found->answer;
}

static int on_audit(void *ctx, const struct audit *a)
{
	struct found *found = ctx;

	found->audits[found->count++ % FOUND_MAX] = *a;
	snprintf(found->detail, sizeof(found->detail), "%s", a->detail ? a->detail : "(none)");
	return found->answer;
}

static unsigned count_audits(struct fixture *f)
{
	assert_int_equal(ledger_audits(f->db, 0, 1000, on_audit, nothing(f)), 0);
	return f->found.count;
}

static unsigned count_accounts(struct fixture *f)
{
	assert_int_equal(ledger_accounts(f->db, on_account, nothing(f)), 0);
	return f->found.count;
}

static struct account account_named(const char *name)
{
	struct account a = {.created_ms = 1764412345678};

	snprintf(a.name, sizeof(a.name), "%s", name);
	return a;
}

static uint64_t add_account(struct fixture *f, const char *name)
{
	struct account a = account_named(name);

	assert_int_equal(ledger_account_add(f->db, &a, NULL), 0);
	assert_true(a.id > 0);
	return a.id;
}

static struct key key_named(const char *id, uint64_t account_id)
{
	struct key k = {
		.account_id = account_id,
		.label = "Anna's laptop \xe2\x98\x95",
		.scope = {.names = "anna-* demo",
			.http = true,
			.admin = true,
			.port_first = 40000,
			.port_last = 65535},
		.created_ms = 1,
		.expires_ms = INT64_MAX,
	};

	snprintf(k.id, sizeof(k.id), "%s", id);
	for (size_t i = 0; i < sizeof(k.hash); i++)
		k.hash[i] = (uint8_t)(i * 11 + (uint8_t)id[0]);
	return k;
}

static void assert_key(const struct key *have, const struct key *want)
{
	assert_string_equal(have->id, want->id);
	assert_int_equal(have->account_id, want->account_id);
	assert_memory_equal(have->hash, want->hash, sizeof(want->hash));
	assert_string_equal(have->label, want->label);
	assert_string_equal(have->scope.names, want->scope.names);
	assert_int_equal(have->scope.http, want->scope.http);
	assert_int_equal(have->scope.tcp, want->scope.tcp);
	assert_int_equal(have->scope.admin, want->scope.admin);
	assert_int_equal(have->scope.port_first, want->scope.port_first);
	assert_int_equal(have->scope.port_last, want->scope.port_last);
	assert_int_equal(have->created_ms, want->created_ms);
	assert_int_equal(have->expires_ms, want->expires_ms);
	assert_int_equal(have->revoked_ms, want->revoked_ms);
	assert_int_equal(have->used_ms, want->used_ms);
}

/* Opens the database anew: what was read from memory only is gone. */
static void open_again(struct fixture *f)
{
	db_close(&f->db);
	f->db = store_place_open(&f->place);
}

static void accounts_come_back_as_they_went(void **state)
{
	struct fixture *f = *state;
	struct account a = account_named("anna"), b = account_named("b\xc3\xb6rge");

	snprintf(a.plan, sizeof(a.plan), "pro");
	snprintf(a.password_hash, sizeof(a.password_hash), "$2b$12$'; DROP TABLE x; --");
	b.disabled = true;
	b.created_ms = UINT64_MAX; /* what a database cannot hold is cut */
	assert_int_equal(ledger_account_add(f->db, &a, &by_me), 0);
	assert_int_equal(ledger_account_add(f->db, &b, &by_me), 0);
	assert_true(a.id && b.id && a.id != b.id);
	open_again(f);
	assert_int_equal(count_accounts(f), 2);
	assert_int_equal(f->found.accounts[0].id, a.id);
	assert_string_equal(f->found.accounts[0].name, "anna");
	assert_string_equal(f->found.accounts[0].plan, "pro");
	assert_string_equal(f->found.accounts[0].password_hash, a.password_hash);
	assert_false(f->found.accounts[0].disabled);
	assert_int_equal(f->found.accounts[0].created_ms, a.created_ms);
	assert_string_equal(f->found.accounts[1].name, b.name);
	assert_true(f->found.accounts[1].disabled);
	assert_int_equal(f->found.accounts[1].created_ms, INT64_MAX);
	assert_int_equal(count_audits(f), 2);
}

static void an_account_changes(void **state)
{
	struct fixture *f = *state;
	struct account a = account_named("anna");

	a.id = add_account(f, "anna");
	add_account(f, "ben");
	a.disabled = true;
	snprintf(a.name, sizeof(a.name), "anne");
	assert_int_equal(ledger_account_set(f->db, &a, &by_me), 0);
	assert_int_equal(count_accounts(f), 2);
	assert_string_equal(f->found.accounts[0].name, "anne");
	assert_true(f->found.accounts[0].disabled);
	snprintf(a.name, sizeof(a.name), "ben");
	assert_int_equal(ledger_account_set(f->db, &a, &by_me), ERR_EXISTS);
	a.id += 100;
	snprintf(a.name, sizeof(a.name), "nobody");
	assert_int_equal(ledger_account_set(f->db, &a, &by_me), ERR_NOT_FOUND);
	/* What was refused is not in the audit log either. */
	assert_int_equal(count_audits(f), 1);
}

static void a_duplicate_account_is_refused_and_leaves_nothing(void **state)
{
	struct fixture *f = *state;
	struct account a = account_named("anna");

	assert_int_equal(ledger_account_add(f->db, &a, &by_me), 0);
	assert_int_equal(ledger_account_add(f->db, &a, &by_me), ERR_EXISTS);
	assert_true(strlen(db_error(f->db)) > 0);
	assert_int_equal(count_accounts(f), 1);
	assert_int_equal(count_audits(f), 1);
}

static void keys_come_back_as_they_went(void **state)
{
	struct fixture *f = *state;
	struct key k = key_named("aaaaaaaaaaaa", add_account(f, "anna")), other = k;

	assert_int_equal(ledger_key_add(f->db, &k, &by_me), 0);
	open_again(f);
	assert_int_equal(ledger_keys(f->db, on_key, nothing(f)), 0);
	assert_int_equal(f->found.count, 1);
	assert_key(&f->found.keys[0], &k);
	assert_int_equal(ledger_key_add(f->db, &k, &by_me), ERR_EXISTS);
	other.id[0] = 'b'; /* another id, the same secret */
	assert_int_equal(ledger_key_add(f->db, &other, &by_me), ERR_EXISTS);
	other.hash[0]++;
	other.account_id += 100;
	assert_int_equal(ledger_key_add(f->db, &other, &by_me), ERR_NOT_FOUND);
	assert_int_equal(count_audits(f), 1);
}

static void a_key_is_changed_and_revoked(void **state)
{
	struct fixture *f = *state;
	struct key k = key_named("aaaaaaaaaaaa", add_account(f, "anna"));

	assert_int_equal(ledger_key_add(f->db, &k, NULL), 0);
	snprintf(k.label, sizeof(k.label), "%s", "");
	k.scope = (struct key_scope) {.tcp = true};
	k.revoked_ms = 1764412345679;
	k.used_ms = 5;
	k.expires_ms = 0;
	assert_int_equal(ledger_key_set(f->db, &k, &by_me), 0);
	assert_int_equal(ledger_keys(f->db, on_key, nothing(f)), 0);
	assert_key(&f->found.keys[0], &k);
	k.id[0] = 'z';
	assert_int_equal(ledger_key_set(f->db, &k, &by_me), ERR_NOT_FOUND);
	assert_int_equal(count_audits(f), 1);
}

static void names_are_added_changed_and_removed(void **state)
{
	struct fixture *f = *state;
	uint64_t anna = add_account(f, "anna"), ben = add_account(f, "ben");
	struct key k = key_named("aaaaaaaaaaaa", anna);
	struct name_record n = {.name = "demo", .account_id = anna, .created_ms = 7};

	assert_int_equal(ledger_key_add(f->db, &k, NULL), 0);
	assert_int_equal(ledger_name_add(f->db, &n, &by_me), 0);
	assert_int_equal(ledger_name_add(f->db, &n, &by_me), ERR_EXISTS);
	n = (struct name_record) {.name = "brave-otter", .account_id = anna};
	memcpy(n.key_id, k.id, sizeof(n.key_id));
	assert_int_equal(ledger_name_add(f->db, &n, &by_me), 0);
	open_again(f);
	assert_int_equal(ledger_names(f->db, on_name, nothing(f)), 0);
	assert_int_equal(f->found.count, 2);
	assert_string_equal(f->found.names[0].name, "brave-otter");
	assert_string_equal(f->found.names[0].key_id, k.id);
	assert_string_equal(f->found.names[1].name, "demo");
	assert_string_equal(f->found.names[1].key_id, "");
	assert_int_equal(f->found.names[1].created_ms, 7);
	n.account_id = ben;
	n.key_id[0] = '\0';
	snprintf(n.password_hash, sizeof(n.password_hash), "$2b$");
	assert_int_equal(ledger_name_set(f->db, &n, &by_me), 0);
	assert_int_equal(ledger_names(f->db, on_name, nothing(f)), 0);
	assert_int_equal(f->found.names[0].account_id, ben);
	assert_string_equal(f->found.names[0].key_id, "");
	assert_string_equal(f->found.names[0].password_hash, "$2b$");
	assert_int_equal(ledger_name_remove(f->db, "demo", &by_me), 0);
	assert_int_equal(ledger_name_remove(f->db, "demo", &by_me), ERR_NOT_FOUND);
	n.account_id += 100;
	assert_int_equal(ledger_name_set(f->db, &n, &by_me), ERR_NOT_FOUND);
	snprintf(n.name, sizeof(n.name), "new");
	assert_int_equal(ledger_name_add(f->db, &n, &by_me), ERR_NOT_FOUND);
	assert_int_equal(ledger_names(f->db, on_name, nothing(f)), 0);
	assert_int_equal(f->found.count, 1);
	assert_int_equal(count_audits(f), 4);
}

static void the_audit_log_is_read_backwards_in_pages(void **state)
{
	struct fixture *f = *state;
	char json[] = "{\"plan\":\"pro\"}";
	struct audit a = by_me;
	uint64_t before;

	snprintf(a.address, sizeof(a.address), "2001:db8::1");
	for (uint64_t i = 0; i < 5; i++) {
		a.at_ms = i;
		a.detail = i == 4 ? json : NULL;
		assert_int_equal(ledger_audit_add(f->db, &a), 0);
	}
	assert_int_equal(ledger_audits(f->db, 0, 2, on_audit, nothing(f)), 0);
	assert_int_equal(f->found.count, 2);
	assert_int_equal(f->found.audits[0].at_ms, 4);
	assert_int_equal(f->found.audits[1].at_ms, 3);
	assert_string_equal(f->found.audits[0].actor, "operator");
	assert_string_equal(f->found.audits[0].event, "account.added");
	assert_string_equal(f->found.audits[0].subject, "anna");
	assert_string_equal(f->found.audits[0].address, "2001:db8::1");
	assert_string_equal(f->found.detail, "(none)");
	before = f->found.audits[1].id;
	assert_int_equal(ledger_audits(f->db, before, 10, on_audit, nothing(f)), 0);
	assert_int_equal(f->found.count, 3);
	assert_int_equal(f->found.audits[0].at_ms, 2);
	assert_int_equal(ledger_audits(f->db, 0, 1, on_audit, nothing(f)), 0);
	assert_string_equal(f->found.detail, json);
}

static void the_audit_log_has_an_end(void **state)
{
	struct fixture *f = *state;
	char sql[160];

	/* As if there had been many: the next ids are just before the bound. */
	snprintf(sql, sizeof(sql),
		store_place_is_file(&f->place)
			? "INSERT INTO sqlite_sequence (name, seq) VALUES ('adit_audits', %u)"
			: "ALTER TABLE adit_audits ALTER COLUMN id RESTART WITH %u",
		LEDGER_AUDITS_MAX - 2);
	assert_int_equal(ledger_audit_add(f->db, &by_me), 0); /* id 1 */
	if (store_place_is_file(&f->place))
		assert_int_equal(store_place_sql(f->db, "DELETE FROM sqlite_sequence"), 0);
	assert_int_equal(store_place_sql(f->db, sql), 0);
	for (int i = 0; i < 300; i++)
		assert_int_equal(ledger_audit_add(f->db, &by_me), 0);
	assert_int_equal(count_audits(f), 300);
}

static void several_changes_are_one(void **state)
{
	struct fixture *f = *state;
	struct account a = account_named("anna"), b = account_named("ben");
	struct key k = key_named("aaaaaaaaaaaa", 0);

	/* A part that fails does not take the rest with it... */
	assert_int_equal(db_begin(f->db), 0);
	assert_int_equal(ledger_account_add(f->db, &a, &by_me), 0);
	assert_int_equal(ledger_account_add(f->db, &a, &by_me), ERR_EXISTS);
	k.account_id = a.id;
	assert_int_equal(ledger_key_add(f->db, &k, &by_me), 0);
	assert_int_equal(db_commit(f->db), 0);
	assert_int_equal(count_accounts(f), 1);
	assert_int_equal(count_audits(f), 2);
	/* ...unless the whole is undone. */
	assert_int_equal(db_begin(f->db), 0);
	assert_int_equal(ledger_account_add(f->db, &b, &by_me), 0);
	assert_int_equal(count_accounts(f), 2);
	db_rollback(f->db);
	open_again(f);
	assert_int_equal(count_accounts(f), 1);
	assert_int_equal(count_audits(f), 2);
}

static void text_that_is_none_is_refused_alike(void **state)
{
	struct fixture *f = *state;
	struct account a = account_named("an\xe4");

	assert_int_equal(ledger_account_add(f->db, &a, &by_me), ERR_SYNTAX);
	assert_int_equal(ledger_meta_set(f->db, "x", slice_of("a\0b", 3)), ERR_SYNTAX);
	assert_int_equal(count_accounts(f), 0);
}

#define LEDGER_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		LEDGER_TEST(accounts_come_back_as_they_went),
		LEDGER_TEST(an_account_changes),
		LEDGER_TEST(a_duplicate_account_is_refused_and_leaves_nothing),
		LEDGER_TEST(keys_come_back_as_they_went),
		LEDGER_TEST(a_key_is_changed_and_revoked),
		LEDGER_TEST(names_are_added_changed_and_removed),
		LEDGER_TEST(the_audit_log_is_read_backwards_in_pages),
		LEDGER_TEST(the_audit_log_has_an_end),
		LEDGER_TEST(several_changes_are_one),
		LEDGER_TEST(text_that_is_none_is_refused_alike),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
