/*
 * Opening the same address on every worker, so that the kernel spreads the visitors. Port 0 is
 * chosen by the first one.
 */
#include "relay/doors.h"

#include "base/err.h"
#include "io/addr.h"
#include "io/listener.h"
#include "relay/admin_socket.h"
#include "relay/front.h"
#include "relay/relay_tls.h"
#include "relay/worker.h"

struct doors_plan {
	enum doors_role role;
	const char *address;
	uint16_t port;
};

static const char *const doors_role_names[] = {
	[DOORS_PUBLIC] = "public",
	[DOORS_TLS] = "tls",
	[DOORS_ADMIN] = "admin",
	[DOORS_METRICS] = "metrics",
	[DOORS_SOCKET] = "socket",
};

static void doors_on_public_accepted(void *ctx, struct stream *stream, const struct addr *peer)
{
	front_accept(ctx, stream, peer, FRONT_DOOR_PUBLIC);
}

static void doors_on_tls_accepted(void *ctx, struct stream *stream, const struct addr *peer)
{
	front_accept(ctx, stream, peer, FRONT_DOOR_TLS);
}

static void doors_on_admin_accepted(void *ctx, struct stream *stream, const struct addr *peer)
{
	front_accept(ctx, stream, peer, FRONT_DOOR_ADMIN);
}

static void doors_on_metrics_accepted(void *ctx, struct stream *stream, const struct addr *peer)
{
	front_accept(ctx, stream, peer, FRONT_DOOR_METRICS);
}

static void doors_on_socket_accepted(void *ctx, struct stream *stream, const struct addr *peer)
{
	front_accept(ctx, stream, NULL, FRONT_DOOR_SOCKET);
}

static void doors_on_paused(void *ctx)
{
	struct worker *w = ctx;

	metrics_add(w->metrics, METRIC_ACCEPT_PAUSES, 1);
	worker_lacks_descriptors(w);
}

static const struct listener_events doors_events[] = {
	[DOORS_PUBLIC] = {.accepted = doors_on_public_accepted, .paused = doors_on_paused},
	[DOORS_TLS] = {.accepted = doors_on_tls_accepted, .paused = doors_on_paused},
	[DOORS_ADMIN] = {.accepted = doors_on_admin_accepted, .paused = doors_on_paused},
	[DOORS_METRICS] = {.accepted = doors_on_metrics_accepted, .paused = doors_on_paused},
	[DOORS_SOCKET] = {.accepted = doors_on_socket_accepted, .paused = doors_on_paused},
};

/* What happened, and what to do about it. */
static void doors_explain(
	const struct doors_plan *plan, uint16_t port, int err, struct buf *message)
{
	static const char *const prefixes[] = {
		[DOORS_PUBLIC] = "",
		[DOORS_TLS] = "tls-",
		[DOORS_ADMIN] = "admin-",
		[DOORS_METRICS] = "metrics-",
	};
	const char *prefix = prefixes[plan->role];

	buf_printf(message, "cannot listen at %s port %u for %s requests: %s", plan->address, port,
		doors_role_names[plan->role], err_text(err));
	if (err == ERR_BUSY)
		buf_printf(message, "; another program has the port, choose one with --%sport",
			prefix);
	else if (err == ERR_DENIED && port < 1024)
		buf_printf(message,
			"; ports below 1024 need root or CAP_NET_BIND_SERVICE, choose another with "
			"--%sport",
			prefix);
	else if (err == ERR_ADDRESS)
		buf_printf(
			message, "; no interface of this machine has it, see --%saddress", prefix);
}

static int doors_open_one(struct relay_shared *shared, struct doors *doors, struct doors_plan *plan,
	struct buf *message)
{
	struct addr addr;
	int err = addr_parse(plan->address, plan->port, &addr);

	if (!err && plan->port)
		err = listener_probe(&addr);
	for (unsigned i = 0; !err && i < shared->worker_count; i++) {
		struct worker *w = shared->workers[i];
		struct listener **at = &doors[i].listeners[plan->role];

		err = addr_parse(plan->address, plan->port, &addr);
		if (!err)
			err = listener_open(w->loop, &addr, true, at);
		if (err)
			break;
		plan->port = listener_port(*at);
		listener_start(*at, &doors_events[plan->role], w, w->timeouts[WORKER_ACCEPT_RETRY]);
	}
	if (err) {
		doors_explain(plan, plan->port, err, message);
		return err;
	}
	log_info(shared->log, "listening",
		LOG_STR("role", slice_from_str(doors_role_names[plan->role])),
		LOG_STR("address", slice_from_str(plan->address)), LOG_INT("port", plan->port));
	return 0;
}

static int doors_open_socket(struct relay_shared *shared, struct doors *doors,
	const struct relay_conf *conf, struct buf *message)
{
	struct listener **at = &doors[0].listeners[DOORS_SOCKET];
	struct worker *w = shared->workers[0];
	int fd, err = admin_socket_open(conf->admin_socket, &fd, message);

	if (err)
		return err;
	err = listener_adopt(w->loop, fd, at);
	if (err)
		buf_printf(message, "cannot listen at the admin socket: %s", err_text(err));
	else
		listener_start(
			*at, &doors_events[DOORS_SOCKET], w, w->timeouts[WORKER_ACCEPT_RETRY]);
	return err;
}

int doors_open(struct relay_shared *shared, struct doors *doors, const struct relay_conf *conf,
	struct buf *message)
{
	struct doors_plan visitors = {DOORS_PUBLIC, conf->address, conf->port};
	struct doors_plan tls = {DOORS_TLS, relay_tls_address(conf), conf->tls_port};
	struct doors_plan admin = {DOORS_ADMIN, conf->admin_address, conf->admin_port};
	struct doors_plan metrics = {DOORS_METRICS, conf->metrics_address, conf->metrics_port};
	int err = doors_open_one(shared, doors, &visitors, message);

	shared->public_port = visitors.port;
	if (!err && conf->tls_cert) {
		err = doors_open_one(shared, doors, &tls, message);
		shared->public_port = tls.port;
	}
	if (!err && conf->admin_port)
		err = doors_open_one(shared, doors, &admin, message);
	if (!err && conf->metrics_port)
		err = doors_open_one(shared, doors, &metrics, message);
	if (!err && conf->admin_socket)
		err = doors_open_socket(shared, doors, conf, message);
	return err;
}

void doors_close(struct doors *doors)
{
	for (unsigned i = 0; i < DOORS_ROLE_COUNT; i++)
		listener_close(&doors->listeners[i]);
}
