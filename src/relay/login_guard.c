/* Two lists of sources under one mutex: addresses, and accounts as if they were some. */
#include "relay/login_guard.h"

#include <pthread.h>

#include "base/check.h"
#include "base/mem.h"
#include "relay/gate_sources.h"

struct login_guard {
	pthread_mutex_t lock;
	struct gate_sources *addresses; /* owned */
	struct gate_sources *accounts; /* owned */
};

struct login_guard *login_guard_new(void)
{
	struct login_guard *g = MEM_NEW(struct login_guard);

	CHECK(pthread_mutex_init(&g->lock, NULL) == 0);
	g->addresses = gate_sources_new();
	g->accounts = gate_sources_new();
	return g;
}

void login_guard_free(struct login_guard **g)
{
	if (!*g)
		return;
	gate_sources_free(&(*g)->addresses);
	gate_sources_free(&(*g)->accounts);
	pthread_mutex_destroy(&(*g)->lock);
	mem_free(*g);
	*g = NULL;
}

uint64_t login_guard_try(
	struct login_guard *g, struct slice address, struct slice account, uint64_t now_ms)
{
	struct gate_source source = gate_source_of(address), name = gate_source_of(account);
	uint64_t by_address, by_account, wait;

	pthread_mutex_lock(&g->lock);
	by_address = gate_sources_blocked_ms(g->addresses, &source, now_ms);
	by_account = gate_sources_blocked_ms(g->accounts, &name, now_ms);
	wait = by_address > by_account ? by_address : by_account;
	if (!wait) {
		gate_sources_fail(g->addresses, &source, now_ms);
		gate_sources_fail(g->accounts, &name, now_ms);
	}
	pthread_mutex_unlock(&g->lock);
	return wait;
}

void login_guard_succeed(struct login_guard *g, struct slice address, struct slice account)
{
	struct gate_source source = gate_source_of(address), name = gate_source_of(account);

	pthread_mutex_lock(&g->lock);
	gate_sources_forget(g->addresses, &source);
	gate_sources_forget(g->accounts, &name);
	pthread_mutex_unlock(&g->lock);
}
