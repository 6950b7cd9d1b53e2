/* Descriptors from the size of the fd directory or, before Linux 6.2, a walk. */
#include "relay/metrics_process.h"

#include <dirent.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "io/machine.h"
#include "relay/metrics.h"

static uint64_t metrics_process_open_fds(void)
{
	struct stat status;
	uint64_t count = 0;
	DIR *dir;

	if (stat("/proc/self/fd", &status) == 0 && status.st_size > 0)
		return (uint64_t)status.st_size;
	dir = opendir("/proc/self/fd");
	if (!dir)
		return 0;
	for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir))
		count += entry->d_name[0] != '.';
	closedir(dir);
	return count - 1; /* without the one that walked */
}

void metrics_process_read(struct metrics_process *process)
{
	struct rlimit limit = {0};

	getrlimit(RLIMIT_NOFILE, &limit);
	process->resident_bytes = machine_resident();
	process->open_fds = metrics_process_open_fds();
	process->max_fds = limit.rlim_cur;
}
