/*
 * The command line: --name value, --name=value, bare switches, a command word and more words.
 * Options come from the table; --help, --version and --json are built in.
 */
#ifndef CONFIG_ARGS_H
#define CONFIG_ARGS_H

#include "config/opt_set.h"

#define ARGS_WORDS_MAX 64u

struct args {
	const char *command; /* borrowed from argv; NULL: none was given */
	const char *
		command_after; /* the switch it stands behind, which may have been meant; or NULL */
	const char *words[ARGS_WORDS_MAX]; /* behind the command; borrowed from argv */
	unsigned word_count;
	bool help;
	bool version;
	bool json;
};

/* What is read. */
struct args_line {
	int argc;
	char **argv; /* borrowed */
	unsigned max_words; /* that may follow the command; at most ARGS_WORDS_MAX */
};

/*
 * Puts the options into the set's flag layer; reading stops at --help or --version. On error
 * message has one sentence; values are only quoted where they cannot be secrets. A
 * secret is wiped in argv once it was read, so that the process list has it no more.
 */
MUST_CHECK int args_read(struct opt_set *set, const struct args_line *line, struct args *args_out,
	struct buf *message);

#endif
