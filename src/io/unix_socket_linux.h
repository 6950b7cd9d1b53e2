/* What unix sockets can do on Linux only: long paths, and telling who is at the other end. */
#ifndef IO_UNIX_SOCKET_LINUX_H
#define IO_UNIX_SOCKET_LINUX_H

#include <stdbool.h>

struct sockaddr_un;

#ifdef __linux__
/* The address of a file in a folder whose path is too long for it; the caller closes *fd_out when
 * the address was used. */
int unix_socket_linux_shorten(
	const char *folder, const char *file, struct sockaddr_un *address, int *fd_out);
/* Whether the other side runs as root, or as we do. */
bool unix_socket_linux_is_peer_ours(int fd);
#else
#include "base/err.h"

static inline int unix_socket_linux_shorten(
	const char *folder, const char *file, struct sockaddr_un *address, int *fd_out)
{
	return ERR_LIMIT;
}
static inline bool unix_socket_linux_is_peer_ours(int fd)
{
	return false;
}
#endif

#endif
