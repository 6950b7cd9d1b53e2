/* The signature against the openssl command, and that each part counts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crypto/request_mac.h"

#include "base/attr.h"

static const struct request_mac request = {
	.method = {"GET", 3},
	.path = {"/_adit/session", 14},
	.timestamp = {"1700000000", 10},
	.nonce = {"1700000000123", 13},
};

static void make(const struct request_mac *r, char hex[2 * DIGEST_SHA256_LEN + 1])
{
	uint8_t mac[DIGEST_SHA256_LEN];

	request_mac_make(SLICE("0123456789abcdef0123456789abcdef"), r, mac);
	digest_hex(mac, sizeof(mac), hex);
}

static void a_known_request_has_its_known_signature(void **state)
{
	char hex[2 * DIGEST_SHA256_LEN + 1];

	make(&request, hex);
	assert_string_equal(
		hex, "c944c3dea82fec7fac5ec7800ee45477014e697cf3f73caf2df18a21dd640b5e");
}

static void every_part_counts(void **state)
{
	char plain[2 * DIGEST_SHA256_LEN + 1], other[2 * DIGEST_SHA256_LEN + 1];
	struct request_mac changed[5] = {request, request, request, request, request};

	changed[0].method = SLICE("PUT");
	changed[1].path = SLICE("/_adit/sessioN");
	changed[2].timestamp = SLICE("1700000001");
	changed[3].nonce = SLICE("1700000000124");
	changed[4].body = SLICE("x");
	make(&request, plain);
	for (size_t i = 0; i < ARRAY_LEN(changed); i++) {
		make(&changed[i], other);
		assert_string_not_equal(plain, other);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_known_request_has_its_known_signature),
		cmocka_unit_test(every_part_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
