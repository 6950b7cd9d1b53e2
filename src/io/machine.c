/* libuv reads /proc and the limits of control groups, we read statm; nothing is kept. */
#include "io/machine.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>
#include <uv.h>

#include "base/num.h"
#include "base/slice.h"

#define MACHINE_MEMORY_LEAST (UINT64_C(64) << 20) /* what is believed when nothing is known */

uint64_t machine_memory(void)
{
	uint64_t all = uv_get_total_memory(), allowed = uv_get_constrained_memory();

	if (allowed && allowed < all)
		all = allowed;
	return all > MACHINE_MEMORY_LEAST ? all : MACHINE_MEMORY_LEAST;
}

/* Shells allow few files, often 1024, for the sake of programs that use select(). */
uint64_t machine_raise_files(void)
{
	struct rlimit limit, wanted;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return 0;
	wanted = (struct rlimit) {.rlim_cur = limit.rlim_max, .rlim_max = limit.rlim_max};
	return setrlimit(RLIMIT_NOFILE, &wanted) == 0 ? wanted.rlim_cur : limit.rlim_cur;
}

uint64_t machine_resident(void)
{
	char text[128];
	int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : read(fd, text, sizeof(text));
	struct slice rest, part;
	uint64_t pages;

	if (fd >= 0)
		close(fd);
	if (len <= 0)
		return 0;
	rest = slice_of(text, (size_t)len);
	/* The second number. */
	if (!slice_split(&rest, ' ', &part) || !slice_split(&rest, ' ', &part) ||
		num_parse_u64(part, &pages))
		return 0;
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

uint64_t machine_worked_us(void)
{
	struct rusage used;

	if (getrusage(RUSAGE_SELF, &used) != 0)
		return 0;
	return (uint64_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000 +
		(uint64_t)(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
}
