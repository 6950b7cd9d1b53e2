/*
 * The admin API of a running relay: what it needs besides the store, for all workers. Requests
 * come from their loops; what blocks is done on the store's thread, or on a crew that hashes.
 */
#ifndef RELAY_ADMIN_SERVICE_H
#define RELAY_ADMIN_SERVICE_H

#include <stdatomic.h>

#include "crypto/password.h"
#include "crypto/seal.h"

struct admin_devices;
struct crew;
struct login_guard;
struct relay_shared;

#define ADMIN_SERVICE_JOBS 64u /* requests under way at a time; more are told to come back */
#define ADMIN_SERVICE_HASHES 16u /* passwords that wait to be hashed or checked */

struct admin_service {
	struct relay_shared *shared; /* borrowed */
	struct crew *crew; /* owned */
	struct admin_devices *devices; /* owned */
	struct login_guard *guard; /* owned */
	uint8_t seal_key[SEAL_KEY_LEN]; /* of forms; new with each process */
	/* Of no password: what is compared for accounts that there are not. Of the crew alone. */
	char no_hash[PASSWORD_HASH_LEN + 1];
	atomic_uint jobs;
};

struct admin_service *admin_service_new(struct relay_shared *shared);
/* After the workers' threads have ended, before their loops are freed: ends the crew. NULL is fine.
 */
void admin_service_stop(struct admin_service *s);
/* After their loops, on which the ends of the last jobs ran. */
void admin_service_free(struct admin_service **s);
/* Takes a place for one more request; false when all are taken. */
bool admin_service_enter(struct admin_service *s);
void admin_service_leave(struct admin_service *s);

#endif
