/* What the book answers after changes, also while many ask. */
#include "store/book.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/attr.h"
#include "base/check.h"
#include "crypto/api_key.h"

#define NOW 1000000u
#define READERS 4
#define ROUNDS 2000

static struct book *book;
static char key_text[API_KEY_TEXT_LEN + 1];
static unsigned changes[3];

static void on_changed(void *ctx, enum book_subject subject)
{
	assert_ptr_equal(ctx, changes);
	changes[subject]++;
}

static struct account account(uint64_t id, const char *name)
{
	struct account a = {.id = id, .created_ms = 1};

	snprintf(a.name, sizeof(a.name), "%s", name);
	snprintf(a.plan, sizeof(a.plan), "%s", "team");
	return a;
}

static struct key key(const char *text, uint64_t account_id)
{
	struct key k = {.account_id = account_id, .scope = {.http = true}};
	struct slice id;

	assert_true(api_key_parse(slice_from_str(text), &id));
	slice_to_str(id, k.id, sizeof(k.id));
	api_key_hash(slice_from_str(text), k.hash);
	return k;
}

static struct name_record name(const char *text, uint64_t account_id, const char *key_id)
{
	static uint64_t at;
	struct name_record n = {.account_id = account_id, .created_ms = ++at};

	snprintf(n.name, sizeof(n.name), "%s", text);
	snprintf(n.key_id, sizeof(n.key_id), "%s", key_id);
	return n;
}

static void put_account(const struct account *a)
{
	book_put_account(book, a);
}

static int set_up(void **state)
{
	struct account a = account(7, "alice");
	struct key k;

	book = book_new();
	memset(changes, 0, sizeof(changes));
	put_account(&a);
	api_key_make(key_text);
	k = key(key_text, 7);
	book_put_key(book, &k);
	book_listen(book, on_changed, changes);
	return 0;
}

static int tear_down(void **state)
{
	book_free(&book);
	book_free(&book);
	return book != NULL;
}

static enum book_verdict check(struct book_grant *grant)
{
	return book_check_key(book, slice_from_str(key_text), NOW, grant);
}

static void a_good_key_says_whose_it_is(void **state)
{
	struct key k = key(key_text, 7);
	struct book_grant grant;

	assert_int_equal(check(&grant), BOOK_OK);
	assert_int_equal(grant.account_id, 7);
	assert_string_equal(grant.account, "alice");
	assert_string_equal(grant.plan, "team");
	assert_string_equal(grant.key_id, k.id);
	assert_true(grant.scope.http);
	assert_false(grant.scope.tcp);
	assert_int_equal(book_check_key_id(book, slice_from_str(k.id), NOW, &grant), BOOK_OK);
}

static void a_key_with_one_other_letter_is_unknown(void **state)
{
	struct book_grant grant;

	for (size_t i = 0; i < API_KEY_TEXT_LEN; i++) {
		char kept = key_text[i];

		key_text[i] = kept == 'x' ? 'y' : 'x';
		assert_int_equal(check(&grant), BOOK_UNKNOWN);
		key_text[i] = kept;
	}
	assert_int_equal(check(&grant), BOOK_OK);
	assert_int_equal(book_check_key(book, SLICE(""), NOW, &grant), BOOK_UNKNOWN);
	assert_int_equal(book_check_key_id(book, SLICE("nobody000000"), NOW, &grant), BOOK_UNKNOWN);
}

static void a_key_ends_by_revocation_expiry_or_its_account(void **state)
{
	struct account a = account(7, "alice");
	struct key k = key(key_text, 7);
	struct book_grant grant;

	k.expires_ms = NOW + 1;
	book_put_key(book, &k);
	assert_int_equal(check(&grant), BOOK_OK);
	assert_int_equal(grant.expires_ms, NOW + 1);
	k.expires_ms = NOW;
	book_put_key(book, &k);
	assert_int_equal(check(&grant), BOOK_EXPIRED);
	k.expires_ms = 0;
	book_put_key(book, &k);
	a.disabled = true;
	put_account(&a);
	assert_int_equal(check(&grant), BOOK_DISABLED);
	k.revoked_ms = 5;
	book_put_key(book, &k);
	assert_int_equal(check(&grant), BOOK_REVOKED);
	assert_int_equal(book_check_key_id(book, slice_from_str(k.id), NOW, &grant), BOOK_REVOKED);
	assert_int_equal(changes[BOOK_KEY], 4);
	assert_int_equal(changes[BOOK_ACCOUNT], 1);
}

static void a_wrong_secret_does_not_tell_that_a_key_was_revoked(void **state)
{
	struct key k = key(key_text, 7);
	struct book_grant grant;

	k.revoked_ms = 5;
	book_put_key(book, &k);
	key_text[API_KEY_TEXT_LEN - 1] ^= 1;
	assert_int_equal(check(&grant), BOOK_UNKNOWN);
}

static void a_key_of_nobody_is_left_out(void **state)
{
	struct key k = key(key_text, 8);
	struct name_record n = name("name", 8, "");

	snprintf(k.id, sizeof(k.id), "%s", "other0000000");
	book_put_key(book, &k);
	book_put_name(book, &n);
	assert_false(book_find_key(book, SLICE("other0000000"), NULL));
	assert_false(book_find_name(book, SLICE("name"), NULL));
	assert_int_equal(changes[BOOK_KEY] + changes[BOOK_NAME], 0);
}

static void accounts_are_found_by_id_and_by_name(void **state)
{
	struct account a = account(8, "bob"), out;

	put_account(&a);
	assert_true(book_find_account(book, 8, &out));
	assert_string_equal(out.name, "bob");
	assert_true(book_find_account_named(book, SLICE("alice"), &out));
	assert_int_equal(out.id, 7);
	assert_false(book_find_account(book, 9, &out));
	assert_false(book_find_account_named(book, SLICE("ali"), NULL));
	a = account(8, "robert");
	put_account(&a);
	assert_false(book_find_account_named(book, SLICE("bob"), NULL));
	assert_true(book_find_account_named(book, SLICE("robert"), NULL));
}

static void names_belong_to_accounts_and_some_to_keys(void **state)
{
	struct key k = key(key_text, 7);
	struct name_record mine = name("reserved", 7, ""), out[2];
	struct name_record given[3] = {
		name("first", 7, k.id), name("second", 7, k.id), name("third", 7, k.id)};
	struct slice id = slice_from_str(k.id);

	book_put_name(book, &given[1]);
	book_put_name(book, &mine);
	book_put_name(book, &given[2]);
	book_put_name(book, &given[0]);
	assert_int_equal(book_name_owner(book, SLICE("reserved")), 7);
	assert_int_equal(book_name_owner(book, SLICE("reserve")), 0);
	assert_int_equal(book_reserved_count(book, 7), 1);
	assert_int_equal(book_reserved_count(book, 8), 0);
	assert_int_equal(book_names_of_key(book, id, out, 2), 3);
	assert_string_equal(out[0].name, "first");
	assert_string_equal(out[1].name, "second");
	book_drop_name(book, SLICE("first"));
	book_drop_name(book, SLICE("first"));
	assert_int_equal(book_names_of_key(book, id, out, 2), 2);
	assert_string_equal(out[0].name, "second");
	snprintf(given[1].key_id, sizeof(given[1].key_id), "%s", "");
	book_put_name(book, &given[1]); /* from now on it is reserved */
	assert_int_equal(book_reserved_count(book, 7), 2);
	assert_int_equal(book_names_of_key(book, id, out, 2), 1);
	assert_string_equal(out[0].name, "third");
	book_drop_name(book, SLICE("reserved"));
	assert_int_equal(book_reserved_count(book, 7), 1);
	assert_false(book_find_name(book, SLICE("reserved"), NULL));
}

static void a_name_may_change_hands(void **state)
{
	struct account b = account(8, "bob");
	struct name_record n = name("name", 7, ""), out;

	put_account(&b);
	book_put_name(book, &n);
	n.account_id = 8;
	book_put_name(book, &n);
	assert_int_equal(book_name_owner(book, SLICE("name")), 8);
	assert_int_equal(book_reserved_count(book, 7), 0);
	assert_int_equal(book_reserved_count(book, 8), 1);
	assert_true(book_find_name(book, SLICE("name"), &out));
	assert_int_equal(out.account_id, 8);
}

/* ---- many at a time ---- */

static atomic_bool over;
static atomic_uint wrong;

static void *read_all_the_time(void *arg)
{
	struct name_record names[4];
	struct book_grant grant;

	while (!atomic_load(&over)) {
		enum book_verdict verdict = check(&grant);

		if (verdict == BOOK_OK && strcmp(grant.account, "alice") != 0)
			atomic_fetch_add(&wrong, 1);
		if (verdict != BOOK_OK && verdict != BOOK_REVOKED)
			atomic_fetch_add(&wrong, 1);
		book_names_of_key(book, slice_from(slice_from_str(key_text), 5), names, 4);
		book_name_owner(book, SLICE("name"));
		book_reserved_count(book, 7);
	}
	return NULL;
}

static void it_may_be_read_while_it_changes(void **state)
{
	struct key k = key(key_text, 7);
	pthread_t threads[READERS];

	atomic_store(&over, false);
	atomic_store(&wrong, 0);
	book_listen(book, NULL, NULL);
	for (int i = 0; i < READERS; i++)
		CHECK(pthread_create(&threads[i], NULL, read_all_the_time, NULL) == 0);
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct name_record n = name("name", 7, i & 2 ? k.id : "");
		struct account a = account(7, "alice");

		k.revoked_ms = i & 1;
		book_put_key(book, &k);
		book_put_name(book, &n);
		put_account(&a);
		if (i & 4)
			book_drop_name(book, SLICE("name"));
	}
	atomic_store(&over, true);
	for (int i = 0; i < READERS; i++)
		CHECK(pthread_join(threads[i], NULL) == 0);
	assert_int_equal(atomic_load(&wrong), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_good_key_says_whose_it_is, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_key_with_one_other_letter_is_unknown, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_key_ends_by_revocation_expiry_or_its_account, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_wrong_secret_does_not_tell_that_a_key_was_revoked, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_key_of_nobody_is_left_out, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			accounts_are_found_by_id_and_by_name, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			names_belong_to_accounts_and_some_to_keys, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_name_may_change_hands, set_up, tear_down),
		cmocka_unit_test_setup_teardown(it_may_be_read_while_it_changes, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
