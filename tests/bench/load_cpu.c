/* bench/load_cpu.c - how long a process has been on processors */
#include "load_cpu.h"

#include <dirent.h>
#include <stdio.h>
#include <time.h>

/* The time on a processor of all threads, in nanoseconds; -1 = not to be had. */
static int64_t cpu_time(int pid)
{
	char path[128];
	int64_t sum = 0;

	snprintf(path, sizeof path, "/proc/%d/task", pid);
	DIR *tasks = opendir(path);

	if (pid == 0 || tasks == NULL)
		return -1;
	for (struct dirent *entry; (entry = readdir(tasks)) != NULL;) {
		long long run;

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof path, "/proc/%d/task/%.20s/schedstat", pid, entry->d_name);
		FILE *file = fopen(path, "r");

		if (file == NULL || fscanf(file, "%lld", &run) != 1)
			sum = -1;
		if (file != NULL)
			fclose(file);
		if (sum < 0)
			break;
		sum += run;
	}
	closedir(tasks);
	return sum;
}

int64_t settled_cpu_time(int pid)
{
	struct timespec pause = { .tv_nsec = 20 * 1000 * 1000 };

	nanosleep(&pause, NULL);
	return cpu_time(pid);
}
