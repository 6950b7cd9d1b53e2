/*
 * The messages of the control stream (docs/protocol.md, 3): JSON objects, one a line, to structs
 * and back. The only file of this floor with jansson.
 */
#ifndef WIRE_CONTROL_H
#define WIRE_CONTROL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/slice.h"

#define CONTROL_LINE_MAX 16384u
#define CONTROL_PASSWORD_MIN 4u /* bytes */
#define CONTROL_PASSWORD_MAX 128u
#define CONTROL_NETWORKS_MAX 64u /* in a list */
#define CONTROL_VERIFY_SECRET_MAX 256u

enum control_type {
	CONTROL_UNKNOWN, /* to be ignored */
	CONTROL_HELLO,
	CONTROL_REGISTER,
	CONTROL_UNREGISTER,
	CONTROL_FAILED,
	CONTROL_READY,
	CONTROL_WELCOME,
	CONTROL_REGISTERED,
	CONTROL_ERROR,
	CONTROL_CLOSED,
	CONTROL_NOTICE,
};

enum control_proto { CONTROL_HTTP, CONTROL_TCP };

/* How requests to a tunnel prove who has signed them; without a scheme there is no check. */
struct control_check {
	char *scheme; /* "stripe", "github", "slack"; others are the reader's to refuse */
	char *secret;
};

/* One message of any type; members that its type has not are zero. Texts are borrowed on writing,
 * and owned by the message (control_deinit) when it was read. */
struct control {
	enum control_type type;
	unsigned version;
	uint32_t tunnel;
	uint32_t stream;
	uint32_t window;
	unsigned grace_s;
	unsigned heartbeat_s;
	uint32_t max_head; /* of an answer, in bytes and fields; 0: not said */
	uint32_t max_fields;
	unsigned retry_after_s;
	uint16_t port;
	enum control_proto proto;
	bool resume;
	bool share;
	bool fatal;
	bool is_protected; /* what register asked for stands before the tunnel */
	char *agent; /* hello; the relay's in welcome */
	char *client;
	char *process; /* hello: which run of the agent this is */
	char *session;
	char *secret;
	char *account; /* whose key the agent has shown */
	char *plan;
	char *subdomain;
	char *password;
	char *allow; /* networks such as 192.0.2.0/24, parted by one blank */
	char *deny;
	struct control_check verify;
	char *name;
	char *url;
	char *code;
	char *message;
};

/* Appends the line with its line end. */
void control_write(struct buf *out, const struct control *c);
/* One line without its line end. ERR_SYNTAX: not such a message; why_out gets a sentence. */
MUST_CHECK int control_read(struct slice line, struct control *c_out, struct buf *why_out);
/* From now on what jansson gives back is wiped first: it copies texts, passwords among them, while
 * it reads. Once, before there are threads. */
void control_wipe_json(void);
/* Frees what control_read made; texts are wiped. */
void control_deinit(struct control *c);

#endif
