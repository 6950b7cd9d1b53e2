/*
 * The checks in a row, each begun when the one before it has told: the relay by a plain upgrade,
 * by WebSocket, its API, and the local service. A hop that a check did not get to says nothing.
 */
#include "agent/doctor.h"

#include <stdio.h>

#include "agent/doctor_account.h"
#include "agent/doctor_local.h"
#include "agent/handshake.h"
#include "agent/relay_way.h"
#include "agent/tunnel_spec.h"
#include "base/log_text.h"
#include "config/conf_file.h"
#include "crypto/tls.h"
#include "io/loop.h"
#include "io/stream.h"
#include "io/stream_tls.h"
#include "wire/uplink.h"

#define DOCTOR_TIMEOUT_MS 10000u

struct doctor {
	struct cli_conf *conf;
	struct loop *loop;
	struct relay_way way;
	struct target target; /* no host and no path: none was given */
	struct tls_client *local_tls; /* owned; of a target with TLS */
	struct buf fields; /* of the upgrade under way */
	enum uplink_framing framing;
	struct buf plain_fault; /* what is wrong with a plain upgrade, until WebSocket was tried */
	struct doctor_account *account; /* owned */
	struct doctor_local *local; /* owned */
	bool is_relay; /* it has answered as one */
	unsigned faults;
};

static void doctor_json(const char *check, bool ok, uint64_t us, struct slice detail)
{
	char text[LOG_TEXT_ROOM];

	printf("{\"event\":\"check\",\"check\":\"%s\",\"ok\":%s,\"duration_ms\":%.3f,\"detail\":",
		check, ok ? "true" : "false", (double)us / 1000);
	fwrite(text, 1, (size_t)(log_text_json(text, detail) - text), stdout);
	puts("}");
}

/* One line; detail may come from anybody. */
static void doctor_tell(
	struct doctor *d, const char *check, bool ok, uint64_t us, struct slice detail)
{
	char text[LOG_TEXT_ROOM];

	d->faults += !ok;
	if (d->conf->values.json) {
		doctor_json(check, ok, us, detail);
	} else {
		printf("%s %-14s %8.1f ms  ", ok ? "\u2713" : "\u2717", check, (double)us / 1000);
		fwrite(text, 1, (size_t)(log_text_bare(text, detail) - text), stdout);
		putchar('\n');
	}
	fflush(stdout);
}

/* ---- the local service ---- */

static void doctor_on_local(void *ctx, const char *check, bool ok, uint64_t us, struct slice detail)
{
	doctor_tell(ctx, check, ok, us, detail);
}

static void doctor_on_local_done(void *ctx)
{
	struct doctor *d = ctx;

	loop_stop(d->loop);
}

static const struct doctor_local_events doctor_local_events = {
	.tell = doctor_on_local,
	.done = doctor_on_local_done,
};

static void doctor_local(struct doctor *d)
{
	if (!d->target.host && !d->target.path) {
		loop_stop(d->loop);
		return;
	}
	d->local = doctor_local_new(d->loop,
		&(struct doctor_local_conf) {
			&d->target, d->local_tls, d->conf->values.local_connect_ms},
		&doctor_local_events, d);
}

/* ---- the relay's API ---- */

static void doctor_on_account_done(void *ctx)
{
	doctor_local(ctx);
}

static const struct doctor_local_events doctor_account_events = {
	.tell = doctor_on_local,
	.done = doctor_on_account_done,
};

static struct uplink_request doctor_way(const struct doctor *d)
{
	return (struct uplink_request) {
		.host = d->conf->relay.host,
		.port = d->conf->relay.port,
		.tls = d->way.tls,
		.proxy = d->way.proxy.address,
		.proxy_authorization = d->way.proxy.authorization,
		.timeout_ms = DOCTOR_TIMEOUT_MS,
	};
}

/* Whatever else there may be does not know the API. */
static void doctor_account(struct doctor *d)
{
	const struct uplink_request way = doctor_way(d);

	if (d->is_relay)
		d->account =
			doctor_account_new(d->loop, &way, d->way.key, &doctor_account_events, d);
	else
		doctor_local(d);
}

/* ---- the relay ---- */

static const char *const doctor_hops[] = {
	[UPLINK_DNS] = "dns",
	[UPLINK_TCP] = "tcp",
	[UPLINK_PROXY] = "proxy",
	[UPLINK_TLS] = "tls",
};

static const char *const doctor_advice[] = {
	[UPLINK_DNS] = "check the name of the relay and this machine's resolver",
	[UPLINK_TCP] = "is the relay running, and is its port open on the way?",
	[UPLINK_PROXY] = "the proxy of the environment is in the way (https_proxy, no_proxy)",
	[UPLINK_TLS] = "--ca is for a private certificate, http:// for none; is the clock right?",
	[UPLINK_HTTP] =
		"is this the address of aditd, and does what stands before it pass upgrades?",
	[UPLINK_DONE] = "",
};

static bool doctor_has_hop(const struct doctor *d, enum uplink_hop hop)
{
	return (hop != UPLINK_TLS || d->way.tls) && (hop != UPLINK_PROXY || d->way.proxy.address) &&
		hop < UPLINK_HTTP;
}

static const char *doctor_upgrade_name(const struct doctor *d)
{
	return d->framing == UPLINK_PLAIN ? "upgrade" : "websocket";
}

static void doctor_put_fault(struct buf *out, const struct uplink_result *result)
{
	const char *advice = doctor_advice[result->hop];

	if (slice_eq(result->code, SLICE("not-authenticated")))
		advice = "the relay wants signed requests: ADIT_HMAC_SECRET or --hmac-secret-file";
	buf_append_slice(out, result->detail);
	/* Other refusals say themselves what to do. */
	if (!result->code.len || slice_eq(result->code, SLICE("not-authenticated")))
		buf_printf(out, "; %s", advice);
}

/* A plain upgrade that does not get through is no fault where WebSocket does. */
static void doctor_tell_plain_fault(struct doctor *d, bool websocket_passes)
{
	if (!buf_len(&d->plain_fault))
		return;
	doctor_tell(d, "upgrade", websocket_passes, 0,
		websocket_passes ? SLICE("only WebSocket passes here, and adit takes it")
				 : buf_slice(&d->plain_fault));
	buf_release(&d->plain_fault);
}

static void doctor_tell_fault(struct doctor *d, const struct uplink_result *result)
{
	struct buf detail = {0};

	if (d->framing == UPLINK_PLAIN && result->hop == UPLINK_HTTP) {
		doctor_put_fault(&d->plain_fault, result);
		return;
	}
	doctor_tell_plain_fault(d, false);
	doctor_put_fault(&detail, result);
	doctor_tell(d,
		result->hop < UPLINK_HTTP ? doctor_hops[result->hop] : doctor_upgrade_name(d),
		false, result->hop < UPLINK_DONE ? result->hop_us[result->hop] : 0,
		buf_slice(&detail));
	buf_release(&detail);
}

static void doctor_ask(struct doctor *d, enum uplink_framing framing);

static void doctor_tell_passed(
	struct doctor *d, enum uplink_hop hop, const struct uplink_result *result)
{
	const struct tls *tls = result->link ? stream_tls_get(result->link) : NULL;
	struct buf detail = {0};

	if (hop == UPLINK_TLS && tls) {
		buf_printf(&detail, "%s, ", tls_version(tls));
		tls_client_put_peer(&detail, tls);
	} else {
		buf_append_str(&detail, "ok");
	}
	doctor_tell(d, doctor_hops[hop], true, result->hop_us[hop], buf_slice(&detail));
	buf_release(&detail);
}

static void doctor_on_uplink(void *ctx, const struct uplink_result *result)
{
	struct doctor *d = ctx;
	struct stream *link = result->link;

	for (enum uplink_hop hop = UPLINK_DNS; hop < result->hop; hop++) {
		if (d->framing == UPLINK_PLAIN && doctor_has_hop(d, hop))
			doctor_tell_passed(d, hop, result);
	}
	if (result->hop == UPLINK_DONE) {
		doctor_tell_plain_fault(d, true);
		doctor_tell(d, doctor_upgrade_name(d), true, result->hop_us[UPLINK_HTTP],
			SLICE("the relay agrees"));
	} else {
		doctor_tell_fault(d, result);
	}
	stream_close(&link);
	d->is_relay |=
		result->hop == UPLINK_DONE || (result->hop == UPLINK_HTTP && result->code.len);
	if (d->framing == UPLINK_PLAIN && result->hop >= UPLINK_HTTP)
		doctor_ask(d, UPLINK_WEBSOCKET);
	else
		doctor_account(d);
}

static void doctor_ask(struct doctor *d, enum uplink_framing framing)
{
	struct uplink_request request = doctor_way(d);

	buf_clear(&d->fields);
	handshake_identify(
		&d->fields, &d->way.who, loop_wall_ms(), framing == UPLINK_PLAIN ? 0 : 1);
	request.framing = framing;
	request.fields = buf_slice(&d->fields);
	d->framing = framing;
	uplink_start(d->loop, &request, doctor_on_uplink, d);
}

/* ---- all of it ---- */

static int doctor_prepare(struct doctor *d, char **environ_list, struct buf *message)
{
	struct cli_conf *conf = d->conf;
	const struct tls_client_conf local = {
		.ca_file = conf->values.local_ca, .insecure = !conf->values.local_verify};
	int err = cli_conf_need_relay(conf, message);

	if (!err && conf->args.word_count)
		err = target_parse(
			slice_from_str(conf->args.words[0]), TUNNEL_HTTP, &d->target, message);
	if (!err)
		err = target_set_name(&d->target, conf->values.local_name, message);
	if (!err && d->target.tls)
		err = tls_client_new(&local, &d->local_tls, message);
	if (!err)
		err = relay_way_find(conf, environ_list, &d->way, message);
	return err;
}

enum run_exit doctor_run(struct cli_conf *conf, char **environ_list, struct buf *message)
{
	struct doctor doctor = {.conf = conf};
	enum run_exit status = RUN_USAGE;

	if (doctor_prepare(&doctor, environ_list, message) == 0) {
		doctor.loop = loop_new();
		doctor_tell(&doctor, "configuration", true, 0, slice_from_str(conf->relay.text));
		if (doctor.way.proxy.address)
			doctor_tell(&doctor, "http proxy", true, 0,
				slice_from_str(doctor.way.proxy.address));
		doctor_ask(&doctor, UPLINK_PLAIN);
		loop_run(doctor.loop);
		doctor_account_free(&doctor.account);
		doctor_local_free(&doctor.local);
		cli_conf_end_loop(conf, &doctor.loop);
		status = doctor.faults ? RUN_UNWELL : RUN_STOPPED;
	}
	relay_way_deinit(&doctor.way);
	target_deinit(&doctor.target);
	tls_client_free(&doctor.local_tls);
	conf_file_forget(&doctor.fields);
	return status;
}
