/* Logins of machines: begun, asked about, decided once, over, and never more than there may be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/err.h"
#include "relay/admin_devices.h"

#define NOW 1000000u
#define KEY "adit_abcdefghijkl_0123456789012345678901234567890123456789012"

static struct admin_device device_of(const char *address)
{
	struct admin_device device = {.host = "laptop"};

	slice_to_str(slice_from_str(address), device.address, sizeof(device.address));
	return device;
}

static enum admin_devices_poll poll_at(
	struct admin_devices *d, uint64_t now, const char *code, char *key)
{
	unsigned interval;

	return admin_devices_poll(d, now, slice_from_str(code), key, &interval);
}

static void an_approved_login_gives_its_key_once(void **state)
{
	struct admin_devices *d = admin_devices_new();
	struct admin_device device = device_of("192.0.2.1"), found;
	char code[ADMIN_DEVICES_CODE_LEN + 1], key[API_KEY_TEXT_LEN + 1];
	struct slice user;

	assert_int_equal(admin_devices_begin(d, NOW, &device, code), 0);
	user = slice_from_str(device.user_code);
	assert_int_equal(user.len, ADMIN_DEVICES_USER_LEN);
	assert_int_equal(poll_at(d, NOW, code, key), ADMIN_DEVICES_PENDING);
	assert_true(admin_devices_find(d, NOW, user, &found));
	assert_string_equal(found.host, "laptop");
	assert_true(admin_devices_claim(d, NOW, user));
	assert_false(admin_devices_claim(d, NOW, user));
	assert_false(admin_devices_find(d, NOW, user, &found));
	admin_devices_unclaim(d, user);
	assert_true(admin_devices_claim(d, NOW, user));
	admin_devices_settle(d, user, ADMIN_DEVICES_APPROVE, SLICE(KEY));
	assert_int_equal(poll_at(d, NOW + 1, code, key), ADMIN_DEVICES_APPROVED);
	assert_string_equal(key, KEY);
	assert_int_equal(poll_at(d, NOW + 9000, code, key), ADMIN_DEVICES_EXPIRED);
	admin_devices_free(&d);
}

static void a_denied_login_is_told_so(void **state)
{
	struct admin_devices *d = admin_devices_new();
	struct admin_device device = device_of("192.0.2.1");
	char code[ADMIN_DEVICES_CODE_LEN + 1], key[API_KEY_TEXT_LEN + 1];

	assert_int_equal(admin_devices_begin(d, NOW, &device, code), 0);
	assert_true(admin_devices_claim(d, NOW, slice_from_str(device.user_code)));
	admin_devices_settle(
		d, slice_from_str(device.user_code), ADMIN_DEVICES_DENY, (struct slice) {NULL, 0});
	assert_int_equal(poll_at(d, NOW, code, key), ADMIN_DEVICES_DENIED);
	admin_devices_free(&d);
}

static void who_asks_too_often_has_to_slow_down(void **state)
{
	struct admin_devices *d = admin_devices_new();
	struct admin_device device = device_of("192.0.2.1");
	char code[ADMIN_DEVICES_CODE_LEN + 1], key[API_KEY_TEXT_LEN + 1];
	unsigned interval;

	assert_int_equal(admin_devices_begin(d, NOW, &device, code), 0);
	assert_int_equal(poll_at(d, NOW, code, key), ADMIN_DEVICES_PENDING);
	assert_int_equal(poll_at(d, NOW + 5000, code, key), ADMIN_DEVICES_PENDING);
	assert_int_equal(admin_devices_poll(d, NOW + 6000, slice_from_str(code), key, &interval),
		ADMIN_DEVICES_SLOW_DOWN);
	assert_int_equal(interval, 10);
	assert_int_equal(poll_at(d, NOW + 12000, code, key), ADMIN_DEVICES_SLOW_DOWN);
	assert_int_equal(poll_at(d, NOW + 27000, code, key), ADMIN_DEVICES_PENDING);
	admin_devices_free(&d);
}

static void a_login_ends_after_its_time(void **state)
{
	struct admin_devices *d = admin_devices_new();
	struct admin_device device = device_of("192.0.2.1"), found;
	char code[ADMIN_DEVICES_CODE_LEN + 1], key[API_KEY_TEXT_LEN + 1];
	uint64_t end = NOW + ADMIN_DEVICES_TTL_MS;

	assert_int_equal(admin_devices_begin(d, NOW, &device, code), 0);
	assert_true(admin_devices_find(d, end - 1, slice_from_str(device.user_code), &found));
	assert_false(admin_devices_find(d, end, slice_from_str(device.user_code), &found));
	assert_false(admin_devices_claim(d, end, slice_from_str(device.user_code)));
	assert_int_equal(poll_at(d, end, code, key), ADMIN_DEVICES_EXPIRED);
	admin_devices_free(&d);
}

static void codes_are_read_as_people_type_them(void **state)
{
	struct admin_devices *d = admin_devices_new();
	struct admin_device device = device_of("192.0.2.1"), found;
	char code[ADMIN_DEVICES_CODE_LEN + 1], typed[32];

	assert_int_equal(admin_devices_begin(d, NOW, &device, code), 0);
	snprintf(typed, sizeof(typed), " %.4s%.4s ", device.user_code, device.user_code + 5);
	for (char *c = typed; *c; c++)
		*c = (char)(*c >= 'A' && *c <= 'Z' ? *c - 'A' + 'a' : *c);
	assert_true(admin_devices_find(d, NOW, slice_from_str(typed), &found));
	assert_string_equal(found.user_code, device.user_code);
	assert_false(admin_devices_find(d, NOW, SLICE(""), &found));
	assert_false(admin_devices_find(d, NOW, SLICE("BCDF-GHJKL"), &found));
	assert_false(admin_devices_find(d, NOW, SLICE("AAAA-AAAA"), &found));
	admin_devices_free(&d);
}

static void there_are_so_many_logins_and_no_more(void **state)
{
	struct admin_devices *d = admin_devices_new();
	char code[ADMIN_DEVICES_CODE_LEN + 1], address[32];
	struct admin_device device = device_of("192.0.2.1");
	unsigned count = 0;

	for (unsigned i = 0; i < ADMIN_DEVICES_PER_SOURCE; i++, count++)
		assert_int_equal(admin_devices_begin(d, NOW, &device, code), 0);
	assert_int_equal(admin_devices_begin(d, NOW, &device, code), ERR_LIMIT);
	for (; count < ADMIN_DEVICES_MAX; count++) {
		snprintf(address, sizeof(address), "2001:db8:0:%x::1", count);
		device = device_of(address);
		assert_int_equal(admin_devices_begin(d, NOW, &device, code), 0);
	}
	device = device_of("198.51.100.1");
	assert_int_equal(admin_devices_begin(d, NOW, &device, code), ERR_LIMIT);
	assert_int_equal(admin_devices_begin(d, NOW + ADMIN_DEVICES_TTL_MS, &device, code), 0);
	admin_devices_free(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_approved_login_gives_its_key_once),
		cmocka_unit_test(a_denied_login_is_told_so),
		cmocka_unit_test(who_asks_too_often_has_to_slow_down),
		cmocka_unit_test(a_login_ends_after_its_time),
		cmocka_unit_test(codes_are_read_as_people_type_them),
		cmocka_unit_test(there_are_so_many_logins_and_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
