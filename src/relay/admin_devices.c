/*
 * A table of a fixed size under one mutex, walked from end to end: a thousand short entries cost
 * some microseconds, and nothing grows.
 */
#include "relay/admin_devices.h"

#include <pthread.h>

#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "crypto/ct.h"
#include "crypto/digest.h"
#include "crypto/rand.h"
#include "relay/gate_sources.h"

#define ADMIN_DEVICES_LEEWAY_MS 500u /* a poll that is as much too early is forgiven */
#define ADMIN_DEVICES_SLOWER_S 5u /* RFC 8628, 3.5 */

enum admin_devices_state {
	ADMIN_DEVICES_FREE,
	ADMIN_DEVICES_WAITING,
	ADMIN_DEVICES_CLAIMED, /* its key is being made */
	ADMIN_DEVICES_GIVEN, /* the key waits to be fetched */
	ADMIN_DEVICES_REFUSED,
};

struct admin_devices_entry {
	enum admin_devices_state state;
	struct admin_device device;
	struct gate_source source; /* that began it */
	uint8_t code_hash[DIGEST_SHA256_LEN]; /* looked up by its hash: no timing tells of it */
	char key[API_KEY_TEXT_LEN + 1];
	uint64_t polled_ms;
	unsigned interval_s;
};

struct admin_devices {
	pthread_mutex_t lock;
	struct admin_devices_entry entries[ADMIN_DEVICES_MAX];
};

struct admin_devices *admin_devices_new(void)
{
	struct admin_devices *d = MEM_NEW(struct admin_devices);

	CHECK(pthread_mutex_init(&d->lock, NULL) == 0);
	return d;
}

void admin_devices_free(struct admin_devices **d)
{
	if (!*d)
		return;
	pthread_mutex_destroy(&(*d)->lock);
	mem_wipe((*d)->entries, sizeof((*d)->entries));
	mem_free(*d);
	*d = NULL;
}

static void admin_devices_forget(struct admin_devices_entry *e)
{
	mem_wipe(e, sizeof(*e));
}

/* Neither vowels, which make words, nor what looks like something else: RFC 8628, 6.1. */
static void admin_devices_make_user_code(char out[ADMIN_DEVICES_USER_LEN + 1])
{
	static const char letters[] = "BCDFGHJKLMNPQRSTVWXZ";

	for (int i = 0; i < ADMIN_DEVICES_USER_LEN; i++)
		out[i] = letters[rand_below(sizeof(letters) - 1)];
	out[4] = '-';
	out[ADMIN_DEVICES_USER_LEN] = '\0';
}

static void admin_devices_make_code(char out[ADMIN_DEVICES_CODE_LEN + 1])
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

	for (int i = 0; i < ADMIN_DEVICES_CODE_LEN; i++)
		out[i] = digits[rand_below(sizeof(digits) - 1)];
	out[ADMIN_DEVICES_CODE_LEN] = '\0';
}

/* As the table has it, from what somebody typed; false for what cannot be one. */
static bool admin_devices_read_user_code(struct slice text, char out[ADMIN_DEVICES_USER_LEN + 1])
{
	size_t len = 0;

	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (c == '-' || c == ' ')
			continue;
		if (len == 4)
			out[len++] = '-';
		if (len == ADMIN_DEVICES_USER_LEN)
			return false;
		out[len++] = (char)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
	}
	out[len] = '\0';
	return len == ADMIN_DEVICES_USER_LEN;
}

static struct admin_devices_entry *admin_devices_by_user_code(
	struct admin_devices *d, struct slice typed)
{
	char code[ADMIN_DEVICES_USER_LEN + 1];

	if (!admin_devices_read_user_code(typed, code))
		return NULL;
	for (unsigned i = 0; i < ADMIN_DEVICES_MAX; i++) {
		struct admin_devices_entry *e = &d->entries[i];

		if (e->state != ADMIN_DEVICES_FREE &&
			ct_equal(e->device.user_code, code, ADMIN_DEVICES_USER_LEN))
			return e;
	}
	return NULL;
}

/* Frees what is over, counts those of the source, and returns a free entry if there is one. */
static struct admin_devices_entry *admin_devices_sweep(struct admin_devices *d, uint64_t now_ms,
	const struct gate_source *source, unsigned *of_source_out)
{
	struct admin_devices_entry *free_entry = NULL;

	*of_source_out = 0;
	for (unsigned i = 0; i < ADMIN_DEVICES_MAX; i++) {
		struct admin_devices_entry *e = &d->entries[i];

		if (e->state != ADMIN_DEVICES_FREE && e->device.expires_ms <= now_ms)
			admin_devices_forget(e);
		if (e->state == ADMIN_DEVICES_FREE)
			free_entry = e;
		else if (slice_eq(gate_source_slice(&e->source), gate_source_slice(source)))
			++*of_source_out;
	}
	return free_entry;
}

int admin_devices_begin(struct admin_devices *d, uint64_t now_ms, struct admin_device *device,
	char code_out[ADMIN_DEVICES_CODE_LEN + 1])
{
	struct gate_source source = gate_source_of(slice_from_str(device->address));
	struct admin_devices_entry *e;
	unsigned of_source;
	int err = ERR_LIMIT;

	pthread_mutex_lock(&d->lock);
	e = admin_devices_sweep(d, now_ms, &source, &of_source);
	if (e && of_source < ADMIN_DEVICES_PER_SOURCE) {
		do
			admin_devices_make_user_code(device->user_code);
		while (admin_devices_by_user_code(d, slice_from_str(device->user_code)));
		admin_devices_make_code(code_out);
		device->expires_ms = now_ms + ADMIN_DEVICES_TTL_MS;
		e->state = ADMIN_DEVICES_WAITING;
		e->device = *device;
		e->source = source;
		e->interval_s = ADMIN_DEVICES_INTERVAL_S;
		digest_sha256(slice_from_str(code_out), e->code_hash);
		err = 0;
	}
	pthread_mutex_unlock(&d->lock);
	return err;
}

static struct admin_devices_entry *admin_devices_by_code(
	struct admin_devices *d, uint64_t now_ms, struct slice code)
{
	uint8_t hash[DIGEST_SHA256_LEN];

	digest_sha256(code, hash);
	for (unsigned i = 0; i < ADMIN_DEVICES_MAX; i++) {
		struct admin_devices_entry *e = &d->entries[i];

		if (e->state != ADMIN_DEVICES_FREE && e->device.expires_ms > now_ms &&
			ct_equal(e->code_hash, hash, sizeof(hash)))
			return e;
	}
	return NULL;
}

/* Whether it kept to its interval; one that did not gets a longer one. */
static bool admin_devices_is_early(struct admin_devices_entry *e, uint64_t now_ms)
{
	uint64_t due = e->polled_ms + (uint64_t)e->interval_s * 1000 - ADMIN_DEVICES_LEEWAY_MS;
	bool early = e->polled_ms && now_ms < due;

	e->polled_ms = now_ms;
	if (early)
		e->interval_s += ADMIN_DEVICES_SLOWER_S;
	return early;
}

enum admin_devices_poll admin_devices_poll(struct admin_devices *d, uint64_t now_ms,
	struct slice code, char key_out[API_KEY_TEXT_LEN + 1], unsigned *interval_s_out)
{
	enum admin_devices_poll result = ADMIN_DEVICES_EXPIRED;
	struct admin_devices_entry *e;

	*interval_s_out = ADMIN_DEVICES_INTERVAL_S;
	pthread_mutex_lock(&d->lock);
	e = admin_devices_by_code(d, now_ms, code);
	if (e && e->state == ADMIN_DEVICES_GIVEN) {
		memcpy(key_out, e->key, sizeof(e->key));
		admin_devices_forget(e);
		result = ADMIN_DEVICES_APPROVED;
	} else if (e && e->state == ADMIN_DEVICES_REFUSED) {
		admin_devices_forget(e);
		result = ADMIN_DEVICES_DENIED;
	} else if (e) {
		result = admin_devices_is_early(e, now_ms) ? ADMIN_DEVICES_SLOW_DOWN
							   : ADMIN_DEVICES_PENDING;
		*interval_s_out = e->interval_s;
	}
	pthread_mutex_unlock(&d->lock);
	return result;
}

bool admin_devices_find(
	struct admin_devices *d, uint64_t now_ms, struct slice user_code, struct admin_device *out)
{
	struct admin_devices_entry *e;
	bool found;

	pthread_mutex_lock(&d->lock);
	e = admin_devices_by_user_code(d, user_code);
	found = e && e->state == ADMIN_DEVICES_WAITING && e->device.expires_ms > now_ms;
	if (found)
		*out = e->device;
	pthread_mutex_unlock(&d->lock);
	return found;
}

bool admin_devices_claim(struct admin_devices *d, uint64_t now_ms, struct slice user_code)
{
	struct admin_devices_entry *e;
	bool claimed;

	pthread_mutex_lock(&d->lock);
	e = admin_devices_by_user_code(d, user_code);
	claimed = e && e->state == ADMIN_DEVICES_WAITING && e->device.expires_ms > now_ms;
	if (claimed)
		e->state = ADMIN_DEVICES_CLAIMED;
	pthread_mutex_unlock(&d->lock);
	return claimed;
}

void admin_devices_settle(struct admin_devices *d, struct slice user_code,
	enum admin_devices_decision decision, struct slice key)
{
	struct admin_devices_entry *e;

	pthread_mutex_lock(&d->lock);
	e = admin_devices_by_user_code(d, user_code);
	if (e && e->state == ADMIN_DEVICES_CLAIMED) {
		e->state = decision == ADMIN_DEVICES_APPROVE ? ADMIN_DEVICES_GIVEN
							     : ADMIN_DEVICES_REFUSED;
		slice_to_str(key, e->key, sizeof(e->key));
	}
	pthread_mutex_unlock(&d->lock);
}

void admin_devices_unclaim(struct admin_devices *d, struct slice user_code)
{
	struct admin_devices_entry *e;

	pthread_mutex_lock(&d->lock);
	e = admin_devices_by_user_code(d, user_code);
	if (e && e->state == ADMIN_DEVICES_CLAIMED)
		e->state = ADMIN_DEVICES_WAITING;
	pthread_mutex_unlock(&d->lock);
}
