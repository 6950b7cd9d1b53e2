/* What Linux tells of a socket, and lets one ask of it. Elsewhere nothing is known, and the
 * kernel's own ways have to do. */
#ifndef IO_SOCKET_LINUX_H
#define IO_SOCKET_LINUX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __linux__
/* How many bytes it takes at once, about; 0 when that is not known. */
size_t socket_linux_room(int fd);
/* Whether the other side's kernel has everything that was written; true when that is not known. */
bool socket_linux_is_delivered(int fd);
/* Whether the other side's kernel said anything in the last so many microseconds. */
bool socket_linux_is_heard(int fd, uint64_t within_us);
/* It fails when nothing is acknowledged for so long. */
void socket_linux_set_patience(int fd, unsigned limit_ms);
/* So much at most waits behind what is under way. Of a listener, its connections inherit it. */
void socket_linux_limit_unsent(int fd, unsigned bytes);
#else
static inline size_t socket_linux_room(int fd)
{
	return 0;
}
static inline bool socket_linux_is_delivered(int fd)
{
	return true;
}
static inline bool socket_linux_is_heard(int fd, uint64_t within_us)
{
	return false;
}
static inline void socket_linux_set_patience(int fd, unsigned limit_ms)
{
}
static inline void socket_linux_limit_unsent(int fd, unsigned bytes)
{
}
#endif

#endif
