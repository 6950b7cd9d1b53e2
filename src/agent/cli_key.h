/*
 * Which key the agent shows to a relay: ADIT_TOKEN, the file of --token-file, or what adit login
 * has kept, in this order. Never an argument.
 */
#ifndef AGENT_CLI_KEY_H
#define AGENT_CLI_KEY_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/buf.h"

struct cli_conf;

/*
 * *key_out: to be ended with secret_free; NULL when there is none, which is no error. Otherwise an
 * ERR_ value and a sentence: a key that was named cannot be read, is none, or would go over the
 * network for everybody to read.
 */
MUST_CHECK int cli_key_find(
	struct cli_conf *conf, char **environ_list, char **key_out, struct buf *message);
/* Where adit login keeps the key for this relay; false without a folder of the user. */
bool cli_key_path(const struct cli_conf *conf, char **environ_list, struct buf *out);
/* What goes to the relay can be read by nobody in between, or it was said that this is fine. */
bool cli_key_is_safe(const struct cli_conf *conf);
/* ERR_DENIED and a sentence, when it is not safe. */
MUST_CHECK int cli_key_check_way(const struct cli_conf *conf, struct buf *message);
/* One line of standard input, without its end. ERR_LIMIT and a sentence when it is too long. The
 * caller wipes out. */
MUST_CHECK int cli_key_read_input(size_t max, struct buf *out, struct buf *message);

#endif
