/* The table of aditd's commands about accounts: what each takes, how it is explained, and what it
 * does. */
#ifndef RELAY_OFFICE_COMMAND_H
#define RELAY_OFFICE_COMMAND_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/slice.h"

/* Which command; the rows of the table stand in this order. */
enum office_command_id {
	OFFICE_USER_ADD,
	OFFICE_USER_LIST,
	OFFICE_USER_DISABLE,
	OFFICE_USER_ENABLE,
	OFFICE_USER_PASSWD,
	OFFICE_USER_PLAN,
	OFFICE_KEY_CREATE,
	OFFICE_KEY_LIST,
	OFFICE_KEY_EDIT,
	OFFICE_KEY_REVOKE,
	OFFICE_NAME_ADD,
	OFFICE_NAME_LIST,
	OFFICE_NAME_REMOVE,
	OFFICE_TUNNEL_LIST,
	OFFICE_TUNNEL_KILL,
	OFFICE_AUDIT,
	OFFICE_USAGE,
	OFFICE_COMMAND_COUNT
};

struct office_command {
	const char *noun;
	const char *verb; /* "": the noun alone is the command */
	const char *usage; /* the words behind them */
	const char *summary; /* one line without a full stop */
	const char *example;
	unsigned min_words;
	unsigned max_words;
	unsigned groups; /* bits of enum office_group: the options it takes */
};

extern const struct office_command office_commands[OFFICE_COMMAND_COUNT];

/* Whether a word begins such a command. */
bool office_command_is_noun(struct slice word);
/* The word that was probably meant to begin one, or NULL. */
const char *office_command_near(struct slice word);
/* NULL when there is none; then why_out has a sentence. An empty verb is fine where one is. */
const struct office_command *office_command_find(
	struct slice noun, struct slice verb, struct buf *why_out);
/* The help of one command, or of a noun for NULL. */
void office_command_help(const struct office_command *command, struct slice noun, unsigned width,
	bool colour, struct buf *out);
/* For the help of the relay itself. */
void office_command_summary(struct buf *out);

#endif
