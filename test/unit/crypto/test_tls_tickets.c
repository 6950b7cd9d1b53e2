/* The keys of tickets: the one before still opens, older ones do not, whoever shares them. */
#include "crypto/tls_tickets.h"

#include "tls_rig.h"

static struct tls_tickets *tickets;

static int set_up(void **state)
{
	tickets = tls_tickets_new();
	tls_rig_open();
	return 0;
}

static int tear_down(void **state)
{
	tls_rig_close();
	tls_tickets_free(&tickets);
	return 0;
}

static void the_key_before_still_opens_and_renews(void **state)
{
	static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
	struct tls_server *s = server_new(tickets);

	for (int i = 0; i < 2; i++) {
		tls_tickets_rotate(tickets);
		tls_tickets_rotate(tickets);
		assert_false(connect_to(s, versions[i]));
		assert_true(connect_to(s, versions[i]));
		tls_tickets_rotate(tickets);
		assert_true(connect_to(s, versions[i]));
	}
	/* It has brought a ticket of the current key. */
	tls_tickets_rotate(tickets);
	assert_true(connect_to(s, TLS1_3_VERSION));
	tls_server_unref(&s);
}

static void an_older_key_does_not_open(void **state)
{
	static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
	struct tls_server *s = server_new(tickets);

	for (int i = 0; i < 2; i++) {
		connect_to(s, versions[i]);
		assert_true(connect_to(s, versions[i]));
		tls_tickets_rotate(tickets);
		tls_tickets_rotate(tickets);
		assert_false(connect_to(s, versions[i]));
	}
	tls_server_unref(&s);
}

static void all_contexts_change_together(void **state)
{
	struct tls_server *a = server_new(tickets), *b = server_new(tickets);

	connect_to(a, TLS1_3_VERSION);
	tls_tickets_rotate(tickets);
	assert_true(connect_to(b, TLS1_3_VERSION));
	assert_true(connect_to(a, TLS1_3_VERSION));
	tls_server_unref(&a);
	tls_server_unref(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_key_before_still_opens_and_renews),
		cmocka_unit_test(an_older_key_does_not_open),
		cmocka_unit_test(all_contexts_change_together),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
