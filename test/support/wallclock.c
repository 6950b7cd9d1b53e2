/*
 * A wall clock that can be set for one program: with LD_PRELOAD it shows the true time and as many
 * seconds more as stand, as 64 bits, in the file that WALLCLOCK names. Other clocks go on as they
 * are. Compiled by the system tests (test/system/harness/clock.py).
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *wallclock_offset;

__attribute__((constructor)) static void wallclock_open(void)
{
	const char *path = getenv("WALLCLOCK");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	void *place = MAP_FAILED;

	if (fd >= 0) {
		place = mmap(NULL, sizeof(*wallclock_offset), PROT_READ, MAP_SHARED, fd, 0);
		close(fd);
	}
	if (place != MAP_FAILED)
		wallclock_offset = place;
}

int clock_gettime(clockid_t clock, struct timespec *out)
{
	long result = syscall(SYS_clock_gettime, clock, out);

	if (result == 0 && wallclock_offset &&
		(clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
		out->tv_sec += *wallclock_offset;
	return (int)result;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone)
{
	struct timespec now;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &now);
	out->tv_sec = now.tv_sec;
	out->tv_usec = now.tv_nsec / 1000;
	return 0;
}

time_t time(time_t *out)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (out)
		*out = now.tv_sec;
	return now.tv_sec;
}
