/*
 * The way of a command to the accounts: through the socket of the relay that runs on them, or,
 * when none does, to the store itself, which is held as a relay would hold it. The requests are
 * those of the admin API either way.
 */
#ifndef RELAY_OFFICE_REACH_H
#define RELAY_OFFICE_REACH_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/buf.h"
#include "proto/http_head.h"

struct office_reach;
struct relay_conf;

struct office_answer {
	unsigned status;
	struct buf body; /* JSON; wiped by office_answer_deinit */
};

/* The conf is borrowed until the end. On an error the message says what to do. */
MUST_CHECK int office_reach_open(
	const struct relay_conf *conf, struct office_reach **reach_out, struct buf *message);
void office_reach_close(struct office_reach **reach);
struct office_question {
	enum http_method method;
	struct slice target; /* below /api/v1 */
	struct slice body; /* JSON, or empty */
};
MUST_CHECK int office_reach_ask(struct office_reach *r, const struct office_question *question,
	struct office_answer *answer_out, struct buf *message);
void office_answer_deinit(struct office_answer *answer);

#endif
