/*
 * Environment variables and .env files as layers of options. An empty variable counts as unset. A
 * variable that has our prefix but is no option is worth a warning; all others are not ours.
 */
#ifndef CONFIG_ENV_H
#define CONFIG_ENV_H

#include "config/opt_set.h"

/* environ_list is NULL-terminated, of KEY=VALUE. */
void env_read(struct opt_set *set, char **environ_list, struct buf *warnings);
/* The value of one variable, or NULL. */
const char *env_get(char **environ_list, const char *name);
/* Overwrites the values of the secrets among the options, once they were read: what the process
 * shows of its environment, and what it hands on, has them no more. */
void env_forget_secrets(const struct opt_table *table, char **environ_list);
/* file is the name for messages. ERR_SYNTAX when the value of one of our keys cannot be read. */
MUST_CHECK int env_read_dotenv(struct opt_set *set, enum opt_layer layer, const char *file,
	struct slice text, const struct opt_report *report);

#endif
