/* The commands about what an account has at the relay: adit status, reserve, release, share. */
#ifndef AGENT_ACCOUNT_H
#define AGENT_ACCOUNT_H

#include "agent/cli_conf.h"
#include "agent/run.h"

enum run_exit account_status(struct cli_conf *conf, char **environ_list, struct buf *message);
enum run_exit account_reserve(struct cli_conf *conf, char **environ_list, struct buf *message);
enum run_exit account_release(struct cli_conf *conf, char **environ_list, struct buf *message);
enum run_exit account_share(struct cli_conf *conf, char **environ_list, struct buf *message);

#endif
