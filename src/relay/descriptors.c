/* The limit of open files (RLIMIT_NOFILE). */
#include "relay/descriptors.h"

#include <sys/resource.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "io/machine.h"

#define DESCRIPTORS_WORKER 11u /* 8 of a loop, 2 listeners */
#define DESCRIPTORS_MIN 16u /* the main loop, the log, and a few connections */

/* Every visitor and every tunnel socket is a descriptor: take what the system lets us have. */
int descriptors_raise(unsigned workers, struct log *log, struct buf *message)
{
	unsigned needed = DESCRIPTORS_MIN + workers * DESCRIPTORS_WORKER;
	uint64_t limit = machine_raise_files();

	log_debug(log, "descriptors", LOG_INT("limit", limit));
	if (!limit || limit >= needed)
		return 0;
	buf_printf(message,
		"the limit of open files is %llu, and %u are the least for this number of workers; "
		"raise it (ulimit -n, LimitNOFILE)",
		(unsigned long long)limit, needed);
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
