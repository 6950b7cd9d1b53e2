/* The admin socket, which its owner alone may use: a file in the state folder, or where it is told.
 */
#ifndef RELAY_ADMIN_SOCKET_H
#define RELAY_ADMIN_SOCKET_H

#include "base/attr.h"
#include "base/buf.h"

/* Where it is in a state folder. To be freed with mem_free. */
char *admin_socket_path(const char *state_dir);
/* A descriptor that listens there. On an error the message says what to do. */
MUST_CHECK int admin_socket_open(const char *path, int *fd_out, struct buf *message);

#endif
