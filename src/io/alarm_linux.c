/* The kernel's timer behind a descriptor. Setting it anew forgets that it rang: nobody reads it. */
#include "io/alarm_linux.h"

#include <sys/timerfd.h>
#include <time.h>

#include "base/check.h"

int alarm_linux_open(void)
{
	return timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
}

void alarm_linux_set(int fd, uint64_t at_ms)
{
	struct itimerspec when = {
		.it_value =
			{
				.tv_sec = (time_t)(at_ms / 1000),
				.tv_nsec = (long)(at_ms % 1000) * 1000000,
			},
	};

	CHECK(timerfd_settime(fd, TFD_TIMER_ABSTIME, &when, NULL) == 0);
}
