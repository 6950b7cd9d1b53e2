/* Puts the agent, its face and the signals on one loop. */
#include "agent/run.h"

#include <signal.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/cli_guard.h"
#include "agent/client_id.h"
#include "agent/face.h"
#include "agent/face_lines.h"
#include "agent/face_screen.h"
#include "agent/relay_way.h"
#include "agent/tunnels_file.h"
#include "base/err.h"
#include "base/image_linux.h"
#include "config/env.h"
#include "io/filewatch.h"
#include "io/loop.h"
#include "io/machine.h"
#include "io/signals.h"

#define RUN_STOP_MS 5000u

struct run {
	struct loop *loop;
	struct agent *agent;
	struct face *face;
	struct signals *signals;
	struct filewatch *watch;
	bool is_file_bad; /* its last reading was refused */
	const struct run_job *job;
	struct loop_task refused;
	enum run_exit exit;
	bool is_started;
	bool is_stopping;
	bool has_screen;
	bool outlives_terminal; /* SIGHUP was ignored from the start */
};

static bool run_ignores_hangup(void)
{
	struct sigaction now;

	return sigaction(SIGHUP, NULL, &now) == 0 && now.sa_handler == SIG_IGN;
}

static void run_on_stopped(void *ctx)
{
	struct run *run = ctx;

	loop_stop(run->loop);
}

/* Visitors that are being served may finish. */
static void run_stop(struct run *run)
{
	if (run->is_stopping)
		return;
	run->is_stopping = true;
	face_stopping(run->face);
	agent_stop(run->agent, RUN_STOP_MS, run_on_stopped, run);
}

static void run_on_signal(void *ctx, int number)
{
	struct run *run = ctx;

	/* A terminal that is gone has nobody left to stop what it showed; nohup wants it to go on.
	 */
	if (number == SIGHUP && run->outlives_terminal && !run->has_screen)
		return;
	/* Terminal and shell both say it. */
	if (number == SIGHUP && run->is_stopping)
		return;
	if (run->is_stopping)
		loop_stop(run->loop);
	else
		run_stop(run);
}

static void run_on_refused(struct loop_task *task)
{
	run_stop(CONTAINER_OF(task, struct run, refused));
}

static void run_on_report(void *ctx, const struct report *report)
{
	struct run *run = ctx;

	face_report(run->face, report);
	if (report->kind == REPORT_TUNNEL_UP && !run->is_started) {
		run->is_started = true;
		image_release();
	}
	if (report->kind != REPORT_ERROR || !report->fatal)
		return;
	/* The authority of a local service is read when its tunnel is set up. */
	run->exit = slice_eq(report->code, SLICE("local-tls")) ? RUN_USAGE : RUN_REFUSED;
	/* The agent is in the middle of something. */
	loop_defer(run->loop, &run->refused);
}

static void run_client_token(
	const struct cli_conf *conf, char **environ_list, struct buf *out, struct buf *warning)
{
	struct buf path = {0};

	if (conf->values.client_token)
		buf_append_str(out, conf->values.client_token);
	else if (cli_conf_path(environ_list, "STATE", "client-id", &path))
		client_id_get(buf_slice(&path).ptr, out, warning);
	else
		client_id_get("", out, warning);
	buf_append_char(out, '\0');
	buf_release(&path);
}

static void run_tell(struct run *run, enum report_kind kind, const char *code, struct slice message)
{
	const struct report report = {
		.kind = kind,
		.wall_ms = loop_wall_ms(),
		.code = slice_from_str(code),
		.message = message,
	};

	face_report(run->face, &report);
}

static void run_warn(struct run *run, const char *code, struct slice message)
{
	run_tell(run, REPORT_WARNING, code, message);
}

static void run_on_changed(void *ctx)
{
	struct run *run = ctx;
	struct tunnels_file file;
	struct buf message = {0};

	if (run->is_stopping)
		return;
	if (run->job->reload(run->job->ctx, &file, &message) != 0) {
		run->is_file_bad = true;
		run_warn(run, "tunnels-file", buf_slice(&message));
	} else {
		if (run->is_file_bad)
			run_tell(run, REPORT_NOTICE, "tunnels-file",
				SLICE("the file is in order again"));
		run->is_file_bad = false;
		agent_set_tunnels(run->agent, file.specs, file.count);
		tunnels_file_deinit(&file);
	}
	buf_release(&message);
}

static void run_watch(struct run *run)
{
	if (run->job->watch &&
		filewatch_open(run->loop, run->job->watch, run_on_changed, run, &run->watch) != 0)
		run_warn(run, "tunnels-file",
			SLICE("the file cannot be watched: changes need a restart"));
}

/* Who wants only a few lines, or lines for a program, gets them on a terminal, too. */
static bool run_make_face(struct run *run, const struct cli_conf *conf, char **environ_list)
{
	const struct cli_values *v = &conf->values;
	const struct face_conf face_conf = {
		.quiet = v->quiet, .colour = !v->no_color && !env_get(environ_list, "NO_COLOR")};

	if (!v->json && !v->quiet)
		run->face = face_screen_new(run->loop, environ_list, &face_conf);
	run->has_screen = run->face != NULL;
	if (!run->face)
		run->face = face_lines_new(STDOUT_FILENO, v->json, &face_conf);
	return run->face != NULL;
}

/* The loop's part: everything is there. */
static void run_loop(struct run *run, const struct agent_conf *agent_conf)
{
	loop_task_init(&run->refused, run_on_refused);
	run->outlives_terminal = run_ignores_hangup();
	run->signals = signals_new(run->loop, run_on_signal, run);
	run->agent = agent_new(run->loop, agent_conf, run_on_report, run);
	agent_set_tunnels(run->agent, run->job->specs, run->job->count);
	run_watch(run);
	loop_run(run->loop);
	loop_cancel(&run->refused);
	filewatch_close(&run->watch);
	agent_free(&run->agent);
	/* While signals are still caught: it may have a terminal to restore. */
	face_free(&run->face);
	signals_free(&run->signals);
}

static struct agent_conf run_agent_conf(const struct cli_conf *conf, const struct relay_way *way)
{
	const struct cli_values *v = &conf->values;

	return (struct agent_conf) {
		.relay_host = conf->relay.host,
		.relay_port = conf->relay.port,
		.relay_text = conf->relay.text,
		.proxy = way->proxy.address,
		.proxy_authorization = way->proxy.authorization,
		.tls = way->tls,
		.who = way->who,
		.connections = v->connections,
		.websocket_only = v->transport == CLI_TRANSPORT_WEBSOCKET,
		.local_connect_ms = v->local_connect_ms,
		.max_streams = v->max_streams,
		.buffer_max = v->buffer,
		.quiet = v->quiet,
	};
}

/* The way is there, and the face. */
static void run_agent(
	struct run *run, struct cli_conf *conf, char **environ_list, const struct relay_way *way)
{
	struct agent_conf agent_conf = run_agent_conf(conf, way);
	struct buf token = {0}, warning = {0};

	run_client_token(conf, environ_list, &token, &warning);
	agent_conf.client = buf_slice(&token).ptr;
	if (buf_len(&warning))
		run_warn(run, "client-id", buf_slice(&warning));
	run_loop(run, &agent_conf);
	buf_release(&token);
	buf_release(&warning);
}

enum run_exit run_tunnels(
	struct cli_conf *conf, char **environ_list, const struct run_job *job, struct buf *message)
{
	struct run run = {.exit = RUN_STOPPED, .job = job};
	struct relay_way way;

	if (cli_guard_check_way(conf, job->specs, job->count, message) != 0 ||
		relay_way_find(conf, environ_list, &way, message) != 0)
		return RUN_USAGE;
	machine_raise_files();
	run.loop = loop_new();
	if (run_make_face(&run, conf, environ_list)) {
		run_agent(&run, conf, environ_list, &way);
	} else {
		buf_append_str(message, "the system gives no thread for the output");
		run.exit = RUN_FAILED;
	}
	/* A name server that is silent would keep us for as long as the resolver has patience. */
	if (loop_has_orphans(run.loop))
		_exit((int)run.exit);
	loop_free(&run.loop);
	relay_way_deinit(&way);
	return run.exit;
}
