/* libuv reads /proc and the limits of control groups; nothing is kept. */
#include "io/machine.h"

#include <sys/resource.h>
#include <uv.h>

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
