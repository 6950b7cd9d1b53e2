/*
 * A local side between visitors that the test plays and a service that it plays as well: a socket
 * that listens on a free port, whose connections are accepted and answered by hand.
 */
#ifndef TEST_AGENT_LOCAL_RIG_H
#define TEST_AGENT_LOCAL_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/local.h"
#include "io/loop.h"
#include "support/loop_turn.h"
#include "support/stream_mem.h"
#include "support/tcp_pair.h"

#define RIG_TUNNEL 7u
#define RIG_LINE "7 203.0.113.9 51234 198.51.100.1 443 https 4f2a90c1d3e5b768\n"
#define RIG_GET RIG_LINE "GET /a?b HTTP/1.1\r\nHost: demo.example.com\r\n\r\n"
#define RIG_GET_SENT "GET /a?b HTTP/1.1\r\nHost: demo.example.com\r\n\r\n"
#define RIG_OK "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

struct rig_report {
	unsigned status;
	bool tcp, upgraded, reused;
	uint64_t bytes_in, bytes_out, duration_us, first_byte_us;
	char tunnel[64], target[128], visitor[64], method[32], path[600], id[64], code[32];
};

struct rig {
	struct loop *loop;
	struct local *local;
	int listening;
	uint16_t port;
	unsigned failed, opened, requests;
	void *failed_session;
	uint32_t failed_id;
	char code[64], message[256]; /* of the last failure */
	struct rig_report report; /* the last one */
};

/* The service of tunnel 7 listens; the tunnel is http, to 127.0.0.1 and the free port. */
void rig_init(struct rig *rig, const struct local_conf *conf);
void rig_deinit(struct rig *rig);
/* Puts another tunnel in the place of number 7: to the same service, with these options. */
void rig_set(struct rig *rig, const struct tunnel_spec *options);
/* Nobody listens any more; connections are refused. */
void rig_stop_listening(struct rig *rig);

/* A visitor whose first bytes are these. */
void rig_visit(struct rig *rig, struct stream_mem *visitor, const char *text);
/* The next connection to the service. */
int rig_accept(struct rig *rig);
bool rig_has_connection(struct rig *rig);
void rig_settle(struct rig *rig);
/* Waits until the service has read exactly this. */
void rig_expect(struct rig *rig, int fd, const char *text);
void rig_expect_slice(struct rig *rig, int fd, struct slice text);
/* Waits for what comes behind the last byte. */
enum tcp_pair_end rig_expect_end(struct rig *rig, int fd);
/* Waits until the visitor has this, and whether that is all. */
void rig_expect_visitor(struct rig *rig, const struct stream_mem *visitor, const char *text);
void rig_expect_whole(struct rig *rig, const struct stream_mem *visitor, const char *text);
/* Waits until the visitor's stream was reset, and checks what the relay was told before. */
void rig_expect_failed(struct rig *rig, const struct stream_mem *visitor, const char *code,
	const char *message_part);
void rig_send(int fd, const char *text);

#endif
