/*
 * An HTTP/1.1 origin on sockets that somebody else opened: the thing every peer of the benchmarks
 * stands in front of. It does not care whether a socket was accepted or dialled, so the same code
 * serves behind a reverse proxy and as the far end of a tunnel's pool.
 */
#ifndef BENCH_ORIGIN_H
#define BENCH_ORIGIN_H

#include <stdbool.h>

struct origin;
struct origin_conn;

/* A socket is gone; served says whether it carried at least one answer. owner is as adopted. */
typedef void (*origin_closed_fn)(void *owner, bool served);

/* poll_fd is an epoll instance of the caller, who hands each event's data.ptr to origin_serve. */
struct origin *origin_new(int poll_fd, origin_closed_fn on_closed);

/* Takes fd, which must not block; a connect under way is fine. */
void origin_adopt(struct origin *self, int fd, void *owner);

/* The socket is ready for something. Frees the connection when it has ended. */
void origin_serve(struct origin_conn *conn);

#endif
