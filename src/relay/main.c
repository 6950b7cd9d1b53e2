/* aditd: the command line, the log, and what systemd wants to hear. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/check.h"
#include "base/descriptors.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/loop.h"
#include "io/notify.h"
#include "relay/office.h"
#include "relay/relay.h"
#include "relay/relay_conf.h"
#include "wire/control.h"

#define MAIN_WIDTH_DEFAULT 100
#define MAIN_WIDTH_MIN 60
#define MAIN_WIDTH_MAX 120

extern char **environ;

static void main_print(FILE *to, const struct buf *text)
{
	if (buf_len(text))
		fwrite(buf_slice(text).ptr, 1, buf_len(text), to);
}

static bool main_has_colour(void)
{
	return isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
}

static unsigned main_width(void)
{
	bool terminal = isatty(STDOUT_FILENO);
	unsigned width = MAIN_WIDTH_DEFAULT;
	struct winsize size;

	if (terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col)
		width = size.ws_col;
	if (width < MAIN_WIDTH_MIN)
		width = MAIN_WIDTH_MIN;
	if (width > MAIN_WIDTH_MAX)
		width = MAIN_WIDTH_MAX;
	return width;
}

static int main_help(void)
{
	struct buf text = {0};

	relay_conf_help(&text, main_width(), main_has_colour());
	main_print(stdout, &text);
	buf_release(&text);
	return 0;
}

static int main_check_config(struct relay_conf *conf)
{
	struct buf text = {0};

	relay_conf_describe(conf, conf->json, &text);
	main_print(stdout, &text);
	buf_release(&text);
	return 0;
}

/* ---- the relay's hooks ---- */

/* To systemd, if it started us. */
static void main_notify(struct slice state)
{
	notify_send(getenv("NOTIFY_SOCKET"), state);
}

static void main_on_ready(void *ctx)
{
	main_notify(SLICE("READY=1"));
}

static void main_on_stopping(void *ctx)
{
	main_notify(SLICE("STOPPING=1"));
}

static void main_on_reloading(void *ctx)
{
	struct buf state = {0};

	buf_printf(&state, "RELOADING=1\nMONOTONIC_USEC=%llu", (unsigned long long)loop_clock_us());
	main_notify(buf_slice(&state));
	buf_release(&state);
}

static struct relay_conf *main_on_reload(void *ctx, struct buf *message, struct buf *warnings)
{
	const struct relay_arguments *arguments = ctx;
	struct relay_conf *conf = NULL;
	enum relay_command command;

	if (relay_conf_load(arguments, &command, &conf, message, warnings) != 0)
		return NULL;
	return conf;
}

static void main_log_warnings(struct log *log, const struct buf *warnings)
{
	struct slice rest = buf_slice(warnings), line;

	while (slice_split(&rest, '\n', &line)) {
		if (line.len)
			log_warn(log, "configuration", LOG_STR("detail", line));
	}
}

static int main_run(
	struct relay_arguments *arguments, struct relay_conf *conf, const struct buf *warnings)
{
	struct log *log = log_new(STDERR_FILENO, conf->log_level, conf->log_format);
	struct relay_hooks hooks = {
		.ready = main_on_ready,
		.stopping = main_on_stopping,
		.reloading = main_on_reloading,
		.reload = main_on_reload,
		.ctx = arguments,
	};
	struct buf message = {0};
	struct relay *relay;
	int err;

	main_log_warnings(log, warnings);
	err = relay_new(&conf, log, &hooks, &relay, &message);
	if (!err) {
		relay_run(relay);
		relay_free(&relay);
	}
	log_free(&log);
	if (err)
		fprintf(stderr, "aditd: %.*s\n", SLICE_ARG(buf_slice(&message)));
	buf_release(&message);
	return err ? 1 : 0;
}

static int main_command(
	enum relay_command command, struct relay_conf *conf, const struct buf *warnings)
{
	int status = 0;

	main_print(stderr, warnings);

	switch (command) {
	case RELAY_HELP:
		status = main_help();
		break;
	case RELAY_VERSION:
		printf("aditd %s\n", ADIT_VERSION);
		break;
	case RELAY_CHECK_CONFIG:
		status = main_check_config(conf);
		break;
	case RELAY_RUN:
		UNREACHABLE();
	}
	relay_conf_free(&conf);
	return status;
}

/* What visitors and agents send may be in memory, passwords too: no core file takes it along. A
 * limit of 0 is one for files only. What core_pattern names as a program gets everything all the
 * same, unless the limit is 1 (core(5), fs/coredump.c); no core is so small. */
static void main_leave_no_core(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_CORE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max ? 1 : 0;
		(void)setrlimit(RLIMIT_CORE, &limit);
	}
	control_wipe_json();
}

int main(int argc, char **argv)
{
	struct relay_arguments arguments = {argc, argv, environ};
	struct buf message = {0}, warnings = {0};
	struct relay_conf *conf = NULL;
	enum relay_command command;
	int err;

	descriptors_hold_standard();
	main_leave_no_core();
	if (office_is_asked(&arguments))
		return office_run(&arguments, main_width(), main_has_colour());
	err = relay_conf_load(&arguments, &command, &conf, &message, &warnings);
	if (err) {
		main_print(stderr, &warnings);
		fprintf(stderr, "%.*s\n", SLICE_ARG(buf_slice(&message)));
		err = 1;
	} else if (command == RELAY_RUN) {
		err = main_run(&arguments, conf, &warnings);
	} else {
		err = main_command(command, conf, &warnings);
	}
	buf_release(&message);
	buf_release(&warnings);
	return err;
}
