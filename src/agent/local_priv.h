/*
 * What the files of the local side share: visitors, tunnels, connections to services. Only
 * local*.c and its tests include this.
 */
#ifndef AGENT_LOCAL_PRIV_H
#define AGENT_LOCAL_PRIV_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/local.h"
#include "agent/local_connect.h"
#include "base/buf.h"
#include "base/list.h"
#include "base/map.h"
#include "io/loop.h"
#include "io/stream.h"
#include "io/timeout.h"
#include "proto/http1_body.h"
#include "proto/http1_parse.h"
#include "proto/visitor_line.h"

#define LOCAL_HEAD_MAX 262144u /* bytes of a head or of trailers; more than any relay lets pass */
#define LOCAL_PARKED_MAX 65536u /* bytes that wait for a connection before reading stops */
#define LOCAL_WORD_MAX 64u /* of the visitor line */

struct local_conn;
struct pump;

struct local {
	struct loop *loop; /* borrowed */
	struct local_conf conf;
	struct local_events events;
	struct http1_limits answer; /* of its head and trailers */
	struct timeout_queue *idle; /* owned: kept connections */
	struct timeout_queue *handshakes; /* owned */
	struct map tunnels; /* number -> struct local_tunnel */
	struct local_tunnel *last; /* borrowed: found last, one of `tunnels`; or NULL */
	struct list visitors; /* being served */
	struct list refused; /* to be told so at the end of the turn */
	struct list dead; /* over: recycled at the end of the turn */
	struct list spare; /* to be used again */
	unsigned count; /* of visitors being served */
	unsigned spare_count;
	struct loop_task task; /* for the refused and the dead */
	struct http_head head; /* scratch space for one call */
	struct buf renamed; /* likewise: an answer up to the last of what is replaced in it */
	const char *unwritten; /* likewise: the first byte of it that is not in `renamed` */
	uint64_t warned_ms; /* when it last said that there are no descriptors; 0: never */
};

/* Counted: one reference of the map, one for each visitor. */
struct local_tunnel {
	struct local *local; /* borrowed */
	uint32_t number;
	unsigned refs;
	bool removed;
	struct tunnel_spec spec; /* owned */
	struct tls_client *tls; /* owned; NULL without TLS */
	struct buf shown; /* the target, for people */
	struct buf host; /* what Host is replaced by; empty: nothing is */
	struct buf origin; /* what the public origin is replaced by; empty: nothing is */
	struct list kept; /* connections, the one used last first */
	unsigned kept_count;
	bool is_hinted; /* that its service refuses the tunnel's name */
	bool keeps; /* its service has shown that it leaves connections open behind an answer */
};

enum local_state {
	LOCAL_LINE, /* the visitor line is not whole */
	LOCAL_HEAD, /* the request's head is not */
	LOCAL_CONNECTING,
	LOCAL_SENT, /* the request is on its way; no whole final head came back */
	LOCAL_BODY, /* of the answer */
	LOCAL_TRAILERS,
	LOCAL_ANSWERED, /* the answer is whole */
	LOCAL_PIPED,
	LOCAL_OVER,
};

struct local_visitor {
	struct list node;
	struct local *local; /* borrowed */
	struct local_tunnel *tunnel; /* ref; NULL until it is known */
	void *session; /* borrowed */
	uint32_t stream_id; /* in it */
	struct stream *stream; /* owned */
	struct local_conn *conn; /* owned while it is busy with this visitor */
	struct local_connect connect;
	struct pump *pump; /* owned */
	const struct stream_events *service; /* borrowed: of its connection while it is busy */
	enum local_state state;
	bool counted; /* in the local side's count */

	/* the request */
	struct buf in; /* of the visitor, not passed on yet */
	struct buf prefix; /* the PROXY header */
	struct buf head; /* as sent; kept for another try and for the report */
	struct buf origin; /* what the visitor asked, where the service is told another name */
	struct http1_parser parser; /* of the request's head, then of the answer's */
	struct http1_body request;
	enum http_method method;
	uint32_t method_at, method_len, path_len; /* in head */
	unsigned tries;
	bool upgrade; /* asked for */
	bool ended; /* the visitor sends no more */
	bool paused; /* the visitor is not read: the service takes no more */

	/* the answer */
	struct buf answer; /* bytes that could not be judged yet */
	struct http1_body body;
	unsigned interim_count;
	bool keeps_alive;
	bool held; /* the service is not read: the visitor takes no more */

	/* for the report */
	unsigned status;
	bool is_opened; /* its beginning was reported */
	bool reused;
	uint64_t started_us, first_byte_us;
	uint64_t bytes_in, bytes_out;
	uint8_t address_len, id_len;
	char address[LOCAL_WORD_MAX], id[LOCAL_WORD_MAX];
};

#endif
