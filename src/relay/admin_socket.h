/* Where the admin socket is: a file beside the store, which its owner alone may use. */
#ifndef RELAY_ADMIN_SOCKET_H
#define RELAY_ADMIN_SOCKET_H

#include "base/attr.h"
#include "base/buf.h"

/* To be freed with mem_free. */
char *admin_socket_path(const char *state_dir);
/* A descriptor that listens there. On an error the message says what to do. */
MUST_CHECK int admin_socket_open(const char *state_dir, int *fd_out, struct buf *message);
/* Removes the file. */
void admin_socket_remove(const char *state_dir);

#endif
