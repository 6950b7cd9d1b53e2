/* Parts that are not there are fine: tests leave out what they do not need. */
#include "relay/relay_shared.h"

#include "base/mem.h"
#include "crypto/tls.h"
#include "io/loop.h"
#include "relay/agent_port.h"
#include "relay/descriptors.h"
#include "relay/directory.h"
#include "relay/hmac_auth.h"
#include "relay/holdings.h"
#include "relay/peer_log.h"
#include "relay/ports.h"
#include "relay/refusals.h"
#include "relay/relay_conf.h"
#include "relay/usages.h"

void relay_shared_init(struct relay_shared *shared, const struct relay_conf *conf, struct log *log)
{
	shared->log = log;
	shared->started_ms = loop_wall_ms();
	shared->directory = directory_new(descriptors_for_tunnels(conf->max_tunnels));
	if (conf->port_range_start)
		shared->ports = ports_new(conf->port_range_start, conf->port_range_end);
	if (conf->tcp_range_start)
		shared->tcp_ports = agent_port_range(conf);
	shared->refusals = refusals_new();
	shared->notices = refusals_new();
	shared->peers = peer_log_new(log);
	shared->holdings = holdings_new();
	shared->usages = usages_new(loop_wall_ms());
}

void relay_shared_deinit(struct relay_shared *shared)
{
	struct tls_server *tls = atomic_load(&shared->tls);
	struct hmac_auth *hmac = atomic_load(&shared->hmac);

	tls_server_unref(&tls);
	hmac_auth_free(&hmac);
	mem_wipe(shared->gate_secret, sizeof(shared->gate_secret));
	ports_free(&shared->ports);
	ports_free(&shared->tcp_ports);
	refusals_free(&shared->refusals);
	refusals_free(&shared->notices);
	peer_log_free(&shared->peers);
	holdings_free(&shared->holdings);
	usages_free(&shared->usages);
	directory_free(&shared->directory);
}
