/* Numeric addresses to text and back; nothing here asks a name server. */
#include "io/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"

int addr_parse(const char *text, uint16_t port, struct addr *addr_out)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)&addr_out->storage;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&addr_out->storage;

	memset(addr_out, 0, sizeof(*addr_out));
	if (text && inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		addr_out->len = sizeof(*v4);
		return 0;
	}
	if (text && inet_pton(AF_INET6, text, &v6->sin6_addr) != 1)
		return ERR_SYNTAX;
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(port);
	addr_out->len = sizeof(*v6);
	return 0;
}

uint16_t addr_port(const struct addr *addr)
{
	if (addr->storage.ss_family == AF_INET)
		return ntohs(((const struct sockaddr_in *)&addr->storage)->sin_port);
	return ntohs(((const struct sockaddr_in6 *)&addr->storage)->sin6_port);
}

void addr_print(const struct addr *addr, char out[ADDR_TEXT_MAX])
{
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&addr->storage;
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)&addr->storage;

	snprintf(out, ADDR_TEXT_MAX, "unknown");
	if (addr->storage.ss_family == AF_INET)
		inet_ntop(AF_INET, &v4->sin_addr, out, ADDR_TEXT_MAX);
	else if (addr->storage.ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
		inet_ntop(AF_INET, &v6->sin6_addr.s6_addr[12], out, ADDR_TEXT_MAX);
	else if (addr->storage.ss_family == AF_INET6)
		inet_ntop(AF_INET6, &v6->sin6_addr, out, ADDR_TEXT_MAX);
}

int addr_of_socket(int fd, struct addr *addr_out)
{
	addr_out->len = sizeof(addr_out->storage);
	if (getsockname(fd, (struct sockaddr *)&addr_out->storage, &addr_out->len) != 0)
		return err_from_errno(errno);
	return 0;
}
