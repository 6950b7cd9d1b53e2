/* Loads configurations the way a process would, in a directory of its own. */
#ifndef RELAY_START_H
#define RELAY_START_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* cmocka wants those above first. */
#include <cmocka.h>

#include "relay/relay_conf.h"

/* What came of the last start; conf is NULL after an error. */
struct relay_start {
	struct relay_conf *conf;
	enum relay_command command;
	char message[1024];
	char warnings[4096];
};

/* For cmocka's set-up and tear-down of one test: the working directory is a new empty one. */
int relay_start_set_up(void **state);
int relay_start_tear_down(void **state);
/* Words and variables are parted by blanks. Ends what was started before. */
int relay_start(struct relay_start *start, const char *words, const char *variables);
void relay_start_write_file(const char *path, const char *text);

#endif
