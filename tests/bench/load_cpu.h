/* bench/load_cpu.h - how long a process has been on processors */
#ifndef BENCH_LOAD_CPU_H
#define BENCH_LOAD_CPU_H

#include <stdint.h>

/* The time of all its threads, in nanoseconds; -1 = not to be had. A running thread's time is not
 * up to date, so this sleeps first, to let them fall asleep. */
int64_t settled_cpu_time(int pid);

#endif
