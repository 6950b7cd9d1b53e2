/* The kernel's news about addresses and routes (rtnetlink). Other systems have none. */
#ifndef IO_NETWATCH_LINUX_H
#define IO_NETWATCH_LINUX_H

#include <stdbool.h>

#include "base/slice.h"

#ifdef __linux__
/* A descriptor that is readable when there are news; -1 when there will never be any. */
int netwatch_linux_open(void);
/* Reads all that is there: whether an address or a default route came or went. */
bool netwatch_linux_read(int fd);
#else
static inline int netwatch_linux_open(void)
{
	return -1;
}
static inline bool netwatch_linux_read(int fd)
{
	return false;
}
#endif
/* The same for messages that were read. */
bool netwatch_linux_is_change(struct slice messages);

#endif
