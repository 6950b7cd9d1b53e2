/* A descriptor that is readable from a set time on (timerfd). Other systems have none. */
#ifndef IO_ALARM_LINUX_H
#define IO_ALARM_LINUX_H

#include <stdint.h>

#ifdef __linux__
/* -1 when there is none to be had. */
int alarm_linux_open(void);
/* On the monotonic clock; a time in the past is now, and 0 is never. Takes back that it is readable
 * already. */
void alarm_linux_set(int fd, uint64_t at_ms);
#else
static inline int alarm_linux_open(void)
{
	return -1;
}
static inline void alarm_linux_set(int fd, uint64_t at_ms)
{
}
#endif

#endif
