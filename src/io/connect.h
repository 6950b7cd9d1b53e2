/* One socket on its way to one address. */
#ifndef IO_CONNECT_H
#define IO_CONNECT_H

struct addr;
struct connect;
struct loop;
struct stream;

/* number: 0, or the errno. The stream is the callee's, and NULL on an error. */
typedef void (*connect_done_fn)(void *ctx, int number, struct stream *stream);

/* An address of any family that has stream sockets: IPv4, IPv6, unix. done comes once, from the
 * loop, unless connect_cancel came first; it ends the connect. */
struct connect *connect_start(
	struct loop *loop, const struct addr *addr, connect_done_fn done, void *ctx);
void connect_cancel(struct connect **c);

#endif
