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
	unsigned retry_after_s;
	uint16_t port;
	enum control_proto proto;
	bool resume;
	bool share;
	bool fatal;
	char *agent; /* hello; the relay's in welcome */
	char *client;
	char *session;
	char *secret;
	char *subdomain;
	char *name;
	char *url;
	char *code;
	char *message;
};

/* Appends the line with its line end. */
void control_write(struct buf *out, const struct control *c);
/* One line without its line end. ERR_SYNTAX: not such a message; why_out gets a sentence. */
MUST_CHECK int control_read(struct slice line, struct control *c_out, struct buf *why_out);
/* Frees what control_read made; secrets are wiped. */
void control_deinit(struct control *c);

#endif
