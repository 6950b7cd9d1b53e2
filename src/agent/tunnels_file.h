/*
 * tunnels.yaml: a relay, and tunnels by name. The text comes from the caller; read are only the
 * files that it names for passwords and secrets. Messages are "file:line: sentence".
 */
#ifndef AGENT_TUNNELS_FILE_H
#define AGENT_TUNNELS_FILE_H

#include "agent/tunnel_spec.h"

#define TUNNELS_FILE_MAX 1000u /* tunnels in one file */
#define TUNNELS_FILE_NAME_MAX 64u

struct tunnels_file {
	char *relay; /* owned; NULL: not named here */
	struct tunnel_spec *specs; /* owned */
	size_t count;
};

struct tunnels_source {
	const char *file; /* its name for messages */
	struct slice text;
	char **environ_list; /* for password-env and the like; NULL: empty */
};

/* All or nothing: on an error out is empty. */
MUST_CHECK int tunnels_file_parse(
	const struct tunnels_source *source, struct tunnels_file *out, struct buf *message);
/* Drops all but those named; no names keep all. ERR_NOT_FOUND when there is none of a name,
 * ERR_EXISTS when two of those that stay ask for one address, of which the later would end the
 * other. */
MUST_CHECK int tunnels_file_choose(
	struct tunnels_file *f, const char *const *names, size_t count, struct buf *message);
void tunnels_file_deinit(struct tunnels_file *f);

#endif
