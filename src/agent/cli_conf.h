/*
 * What a command line, the environment and the configuration file ask of the agent, checked and
 * ready to use. Messages are one line for a human.
 */
#ifndef AGENT_CLI_CONF_H
#define AGENT_CLI_CONF_H

#include "agent/cli_command.h"
#include "agent/cli_options.h"
#include "agent/relay_url.h"
#include "base/attr.h"
#include "base/buf.h"
#include "config/args.h"

struct loop;

struct cli_conf {
	struct cli_values values;
	struct opt_origin *origins; /* owned; one for each option of the table */
	struct relay_url relay; /* no host: none was given */
	const struct cli_command *command; /* NULL: the program's own help */
	struct args args;
	bool is_asking; /* a name server still is asked: who ends the program does not wait for it
			 */
};

/* What the process was started with; all borrowed. */
struct cli_arguments {
	int argc;
	char **argv;
	char **environ_list;
};

/* On 0 the conf is filled; it is deinited in any case by cli_conf_deinit. */
MUST_CHECK int cli_conf_load(const struct cli_arguments *arguments, struct cli_conf *conf,
	struct buf *message, struct buf *warnings);
void cli_conf_deinit(struct cli_conf *conf);
/* Frees a command's loop. One with a question that a name server does not answer, and that nobody
 * waits for any more, is left as it is: to free it would take as long as the resolver has patience.
 */
void cli_conf_end_loop(struct cli_conf *conf, struct loop **loop);
/* A relay found elsewhere (tunnels.yaml) if none was given here. */
MUST_CHECK int cli_conf_set_relay(struct cli_conf *conf, struct slice text, struct buf *message);
/* ERR_NOT_FOUND and how to name one, when there is no relay. */
MUST_CHECK int cli_conf_need_relay(const struct cli_conf *conf, struct buf *message);
/* "$XDG_<kind>_HOME/adit/<name>", or below the home directory; false without one. */
bool cli_conf_path(char **environ_list, const char *kind, const char *name, struct buf *out);

#endif
