/* Socket addresses as text. */
#ifndef IO_ADDR_H
#define IO_ADDR_H

#include <stdint.h>
#include <sys/socket.h>

#include "base/attr.h"

#define ADDR_TEXT_MAX 46 /* INET6_ADDRSTRLEN */

struct addr {
	struct sockaddr_storage storage;
	socklen_t len;
};

/* A numeric address: 0, or ERR_SYNTAX. NULL stands for the wildcard of both families. */
MUST_CHECK int addr_parse(const char *text, uint16_t port, struct addr *addr_out);
uint16_t addr_port(const struct addr *addr);
/* The address alone; an IPv4 address mapped into IPv6 is written as IPv4. */
void addr_print(const struct addr *addr, char out[ADDR_TEXT_MAX]);
/* What a bound descriptor is bound to. */
MUST_CHECK int addr_of_socket(int fd, struct addr *addr_out);

#endif
