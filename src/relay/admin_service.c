/* Owns the crew and the table of logins. */
#include "relay/admin_service.h"

#include "base/mem.h"
#include "crypto/rand.h"
#include "io/crew.h"
#include "relay/admin_devices.h"
#include "relay/login_guard.h"

#define ADMIN_SERVICE_NICE 5 /* hashing takes what others leave */

struct admin_service *admin_service_new(struct relay_shared *shared)
{
	const struct crew_conf crew = {
		.threads = 1,
		.max_waiting = ADMIN_SERVICE_HASHES,
		.nice = ADMIN_SERVICE_NICE,
	};
	struct admin_service *s = MEM_NEW(struct admin_service);

	s->shared = shared;
	s->devices = admin_devices_new();
	s->guard = login_guard_new();
	s->crew = crew_new(&crew);
	rand_bytes(s->seal_key, sizeof(s->seal_key));
	return s;
}

void admin_service_stop(struct admin_service *s)
{
	if (s)
		crew_free(&s->crew);
}

void admin_service_free(struct admin_service **s_ptr)
{
	struct admin_service *s = *s_ptr;

	if (!s)
		return;
	*s_ptr = NULL;
	admin_devices_free(&s->devices);
	login_guard_free(&s->guard);
	mem_wipe(s->seal_key, sizeof(s->seal_key));
	mem_free(s);
}

bool admin_service_enter(struct admin_service *s)
{
	if (atomic_fetch_add(&s->jobs, 1) < ADMIN_SERVICE_JOBS)
		return true;
	admin_service_leave(s);
	return false;
}

void admin_service_leave(struct admin_service *s)
{
	atomic_fetch_sub(&s->jobs, 1);
}
