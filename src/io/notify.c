/* One datagram to a unix socket, without ever waiting. */
#include "io/notify.h"

#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

void notify_send(const char *address, struct slice state)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	size_t len = address ? strlen(address) : 0;
	int fd;

	if (len < 2 || len >= sizeof(to.sun_path) || (address[0] != '/' && address[0] != '@'))
		return;
	memcpy(to.sun_path, address, len);
	if (address[0] == '@')
		to.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return;
	(void)!sendto(fd, state.ptr, state.len, MSG_NOSIGNAL, (const struct sockaddr *)&to,
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
	close(fd);
}
