/*
 * Logins of machines that have no browser (RFC 8628): a machine asks for two codes, shows one to
 * its user, and asks with the other one again and again until the user has decided on the relay's
 * page. In memory, bounded, for any thread: a login that a restart loses is begun again.
 */
#ifndef RELAY_ADMIN_DEVICES_H
#define RELAY_ADMIN_DEVICES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/slice.h"
#include "crypto/api_key.h"

#define ADMIN_DEVICES_MAX 1024u /* logins under way */
#define ADMIN_DEVICES_PER_SOURCE 16u /* from one address, of IPv6 one network */
#define ADMIN_DEVICES_TTL_MS 600000u
#define ADMIN_DEVICES_INTERVAL_S 5u /* between two polls */
#define ADMIN_DEVICES_CODE_LEN 43 /* of base64url: 256 bits */
#define ADMIN_DEVICES_USER_LEN 9 /* XXXX-XXXX: 34 bits, guessed against a clock */
#define ADMIN_DEVICES_HOST_MAX 64u
#define ADMIN_DEVICES_ADDRESS_MAX 63u

struct admin_devices;

/* What is told about a login. */
struct admin_device {
	char user_code[ADMIN_DEVICES_USER_LEN + 1];
	char host[ADMIN_DEVICES_HOST_MAX + 1]; /* what the machine calls itself; may be empty */
	char address[ADMIN_DEVICES_ADDRESS_MAX + 1];
	uint64_t expires_ms;
};

enum admin_devices_poll {
	ADMIN_DEVICES_PENDING, /* nobody has decided yet */
	ADMIN_DEVICES_SLOW_DOWN, /* it asks too often, and is to wait longer from now on */
	ADMIN_DEVICES_EXPIRED, /* or there never was one */
	ADMIN_DEVICES_DENIED,
	ADMIN_DEVICES_APPROVED,
};

enum admin_devices_decision { ADMIN_DEVICES_DENY, ADMIN_DEVICES_APPROVE };

struct admin_devices *admin_devices_new(void);
void admin_devices_free(struct admin_devices **d);
/*
 * Begins a login. The host and the address are the caller's, the rest is filled in. ERR_LIMIT:
 * there are too many, of this address or at all.
 */
MUST_CHECK int admin_devices_begin(struct admin_devices *d, uint64_t now_ms,
	struct admin_device *device, char code_out[ADMIN_DEVICES_CODE_LEN + 1]);
/* On APPROVED the key's text is told, once. The interval is what the machine has to keep to. */
enum admin_devices_poll admin_devices_poll(struct admin_devices *d, uint64_t now_ms,
	struct slice code, char key_out[API_KEY_TEXT_LEN + 1], unsigned *interval_s_out);
/* Undecided logins only. The code in any case, with or without the hyphen. */
bool admin_devices_find(
	struct admin_devices *d, uint64_t now_ms, struct slice user_code, struct admin_device *out);
/*
 * Decides once; false when it is decided or over already. Approving is two steps, so that one
 * login makes one key: claim it, then give it the key, or hand it back.
 */
bool admin_devices_claim(struct admin_devices *d, uint64_t now_ms, struct slice user_code);
void admin_devices_settle(struct admin_devices *d, struct slice user_code,
	enum admin_devices_decision decision, struct slice key);
void admin_devices_unclaim(struct admin_devices *d, struct slice user_code);

#endif
