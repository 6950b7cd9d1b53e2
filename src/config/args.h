/*
 * The command line: --name value, --name=value, bare switches, and one command word. Options come
 * from the table; --help, --version and --json are built in.
 */
#ifndef CONFIG_ARGS_H
#define CONFIG_ARGS_H

#include "config/opt_set.h"

struct args {
	const char *command; /* borrowed from argv; NULL: none was given */
	const char *
		command_after; /* the switch it stands behind, which may have been meant; or NULL */
	bool help;
	bool version;
	bool json;
};

/*
 * Puts the options into the set's flag layer. Reading stops at --help or --version. On error
 * message has one sentence; values are only quoted where they cannot be secrets.
 */
MUST_CHECK int args_read(
	struct opt_set *set, int argc, char **argv, struct args *args_out, struct buf *message);

#endif
