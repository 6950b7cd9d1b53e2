/* The limit of open files (RLIMIT_NOFILE). */
#include "relay/descriptors.h"

#include <sys/resource.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"

#define DESCRIPTORS_WORKER 10u /* 7 of a loop, 2 listeners */
#define DESCRIPTORS_MIN 16u /* the main loop, the log, and a few connections */

/* Every visitor and every tunnel socket is a descriptor: take what the system lets us have. */
int descriptors_raise(unsigned workers, struct log *log, struct buf *message)
{
	unsigned needed = DESCRIPTORS_MIN + workers * DESCRIPTORS_WORKER;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return 0;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	log_debug(log, "descriptors", LOG_INT("limit", limit.rlim_cur));
	if (limit.rlim_cur >= needed)
		return 0;
	buf_printf(message,
		"the limit of open files is %llu, and %u are the least for this number of workers; "
		"raise it (ulimit -n, LimitNOFILE)",
		(unsigned long long)limit.rlim_cur, needed);
	return ERR_NO_FDS;
}

/*
 * Each tunnel listens, which takes a descriptor, and anybody may ask for tunnels. Without a bound
 * below the limit one program that asks fast enough would leave none for visitors, those of other
 * tunnels included.
 */
unsigned descriptors_for_tunnels(unsigned wanted)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur / 2 >= wanted)
		return wanted;
	return (unsigned)(limit.rlim_cur / 2);
}
