/*
 * What a test of the agent stands on: a loop, a relay by script, local services by script, and
 * the agent's reports.
 */
#ifndef AGENT_AGENT_RIG_H
#define AGENT_AGENT_RIG_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/agent.h"
#include "agent/local.h"
#include "fake_relay.h"
#include "support/loop_turn.h"

/* Stands in for src/agent/local.c: takes visitors and keeps them. */
struct local {
	struct local_events events;
	struct buf calls; /* "add 1 3000, remove 1" */
	struct stream *visitor;
	void *session;
	unsigned served;
	unsigned failed; /* visitors whose stream failed */
	bool add_fails;
};

/* The one of the agent under test. */
extern struct local *rig_local;

struct rig {
	struct loop *loop;
	struct fake_relay relay;
	struct agent_conf conf;
	struct agent *agent;
	struct buf reports; /* one a line: "kind tunnel url target code fatal" */
	unsigned counts[REPORT_ERROR + 1];
	uint64_t retry_ms; /* of the last CONNECTING that has one */
	unsigned attempt;
	bool is_done;
};

int rig_set_up(void **state);
int rig_tear_down(void **state);
#define RIG_TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)
#define UNTIL(cond) LOOP_TURN_UNTIL(f->loop, cond)

/* A tunnel to 127.0.0.1:3000. */
struct tunnel_spec rig_http(const char *label, const char *subdomain);
void rig_start(struct rig *f, struct tunnel_spec spec);
/* And waits until it is up. */
void rig_start_up(struct rig *f, const char *subdomain);
bool rig_was_reported(const struct rig *f, const char *text);
/* Whether this is all that the local services were told. */
bool rig_were_calls(const char *expected);

#endif
