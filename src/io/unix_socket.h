/*
 * Sockets that have a path: only this machine reaches them, and the file's mode says who may.
 * However long the path is.
 */
#ifndef IO_UNIX_SOCKET_H
#define IO_UNIX_SOCKET_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/slice.h"

struct buf;

/*
 * Listens there, for the file's owner alone. What a dead process left behind is replaced; ERR_BUSY
 * when somebody answers at it.
 */
MUST_CHECK int unix_socket_listen(const char *path, int *fd_out);
/* A blocking connection. ERR_NOT_FOUND: there is no such file; ERR_REFUSED: nobody listens. */
MUST_CHECK int unix_socket_connect(const char *path, int *fd_out);
/*
 * Whether who listens at the other end is whom the path means: others may not put a socket into its
 * folder, or it is this user or root.
 */
bool unix_socket_is_trusted(const char *path, int fd);
/*
 * Sends all of it, and reads until the other side ends, at most max bytes (ERR_LIMIT): for programs
 * that have nothing else to do. ERR_TIMEOUT when nothing came for so long.
 */
MUST_CHECK int unix_socket_ask(
	int fd, struct slice request, unsigned timeout_s, struct buf *answer, size_t max);

#endif
