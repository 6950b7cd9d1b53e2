/* The request's fields as text, and the relay's proof. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/handshake.h"
#include "base/attr.h"
#include "wire/control.h"

#define SECRET "3031323334353637383961626364656630313233343536373839616263646500"

static void assert_text(struct buf *b, const char *expected)
{
	buf_append_char(b, '\0');
	assert_string_equal(buf_slice(b).ptr, expected);
	buf_release(b);
}

static void a_signature_is_what_the_relay_checks(void **state)
{
	struct buf fields = {0};

	handshake_sign(&fields, "0123456789abcdef0123456789abcdef", 1700000005123, 5000);
	assert_text(&fields,
		"Authorization: HMAC "
		"sha256=fd441d03f180468b9abfa8ae1d915cc83c32904c8323d88a15e8e579a37b67b9\r\n"
		"X-Timestamp: 1700000005\r\nX-Nonce: 1700000000123\r\n");
}

static void a_key_stands_where_there_is_room(void **state)
{
	const struct handshake_who key = {.key = "adit_abc_x-Y"},
				   both = {"0123456789abcdef0123456789abcdef", "adit_abc_x-Y"},
				   nobody = {0};
	struct buf fields = {0};

	handshake_identify(&fields, &key, 1700000005123, 5000);
	assert_text(&fields, "Authorization: Bearer adit_abc_x-Y\r\n");
	handshake_identify(&fields, &both, 1700000005123, 5000);
	assert_text(&fields,
		"Authorization: HMAC "
		"sha256=fd441d03f180468b9abfa8ae1d915cc83c32904c8323d88a15e8e579a37b67b9\r\n"
		"X-Timestamp: 1700000005\r\nX-Nonce: 1700000000123\r\n"
		"X-Adit-Key: adit_abc_x-Y\r\n");
	handshake_identify(&fields, &nobody, 1700000005123, 5000);
	assert_text(&fields, "");
}

static void a_session_is_continued_with_a_rising_epoch(void **state)
{
	struct handshake_ticket t;
	struct buf fields = {0};

	assert_true(handshake_ticket_init(&t, "s-1", SECRET));
	t.epoch = 6;
	handshake_resume(&fields, &t, 123456789012);
	assert_int_equal(t.epoch, 7);
	assert_text(&fields,
		"Adit-Session: s-1\r\nAdit-Epoch: 7\r\nAdit-Received: 123456789012\r\n"
		"Adit-Proof: 1046f95490c8bb1c1b37da25702e46e57328349fa5e69699f0ae1443b26425e4\r\n"
		"Adit-Afresh: 1\r\n");
	handshake_resume(&fields, &t, 0);
	assert_int_equal(t.epoch, 8);
	buf_release(&fields);
}

static void the_relay_must_prove_what_it_says(void **state)
{
	struct slice proof =
		SLICE("3fd8eb5e2675d1e5958dde9b0adf71e9f16209d00626d4bdd28be0d745aa484a");
	struct handshake_ticket t;

	assert_true(handshake_ticket_init(&t, "s-1", SECRET));
	t.epoch = 7;
	assert_true(handshake_is_proven(&t, 123456789012, proof));
	assert_false(handshake_is_proven(&t, 123456789013, proof));
	assert_false(handshake_is_proven(&t, 123456789012, (struct slice) {NULL, 0}));
	/* The agent's own proof, sent back. */
	assert_false(handshake_is_proven(&t, 123456789012,
		SLICE("1046f95490c8bb1c1b37da25702e46e57328349fa5e69699f0ae1443b26425e4")));
	t.epoch = 8;
	assert_false(handshake_is_proven(&t, 123456789012, proof));
}

static void a_ticket_holds_only_what_may_stand_in_a_field(void **state)
{
	struct handshake_ticket t;
	char id[HANDSHAKE_SESSION_MAX + 2] = {0};

	assert_false(handshake_ticket_init(&t, "", SECRET));
	assert_false(handshake_ticket_init(&t, NULL, SECRET));
	assert_false(handshake_ticket_init(&t, "a\r\nX: y", SECRET));
	assert_false(handshake_ticket_init(&t, "a b", SECRET));
	assert_false(handshake_ticket_init(&t, "a", NULL));
	assert_false(handshake_ticket_init(&t, "a", "30"));
	for (size_t i = 0; i < HANDSHAKE_SESSION_MAX; i++)
		id[i] = 'a';
	assert_true(handshake_ticket_init(&t, id, SECRET));
	id[HANDSHAKE_SESSION_MAX] = 'a';
	assert_false(handshake_ticket_init(&t, id, SECRET));
}

static void a_session_may_be_asked_to_live_beside_another(void **state)
{
	struct buf fields = {0};

	handshake_beside(&fields, "s-1");
	assert_text(&fields, "Adit-Beside: s-1\r\n");
}

static void the_tunnel_that_will_be_asked_for_is_named(void **state)
{
	static const struct {
		struct control wish;
		const char *text;
	} rows[] = {
		{{.proto = CONTROL_HTTP, .subdomain = "demo"}, "Adit-Tunnel: demo\r\n"},
		{{.proto = CONTROL_TCP, .port = 40000}, "Adit-Tunnel: tcp:40000\r\n"},
		{{.proto = CONTROL_HTTP}, ""},
		{{.proto = CONTROL_TCP}, ""},
		{{.proto = CONTROL_HTTP, .subdomain = "de\r\nmo: x"}, ""},
		{{.proto = CONTROL_HTTP, .subdomain = ""}, ""},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct buf fields = {0};

		handshake_tunnel(&fields, &rows[i].wish);
		assert_text(&fields, rows[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_signature_is_what_the_relay_checks),
		cmocka_unit_test(a_key_stands_where_there_is_room),
		cmocka_unit_test(a_session_is_continued_with_a_rising_epoch),
		cmocka_unit_test(the_relay_must_prove_what_it_says),
		cmocka_unit_test(a_ticket_holds_only_what_may_stand_in_a_field),
		cmocka_unit_test(a_session_may_be_asked_to_live_beside_another),
		cmocka_unit_test(the_tunnel_that_will_be_asked_for_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
