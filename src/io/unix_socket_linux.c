/* A descriptor of the folder has a short path, in /proc. */
#include "io/unix_socket_linux.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/err.h"

int unix_socket_linux_shorten(
	const char *folder, const char *file, struct sockaddr_un *address, int *fd_out)
{
	int fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_from_errno(errno);
	if (snprintf(address->sun_path, sizeof(address->sun_path), "/proc/self/fd/%d/%s", fd,
		    file) >= (int)sizeof(address->sun_path)) {
		close(fd);
		return ERR_LIMIT;
	}
	*fd_out = fd;
	return 0;
}

bool unix_socket_linux_is_peer_ours(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
		(peer.uid == 0 || peer.uid == geteuid());
}
