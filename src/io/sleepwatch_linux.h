/* A clock that runs while the machine sleeps. */
#ifndef IO_SLEEPWATCH_LINUX_H
#define IO_SLEEPWATCH_LINUX_H

#include <time.h>

/* Elsewhere the common one has to do: it stops then, or sleep shows as an alarm that is late. */
#ifdef __linux__
#define SLEEPWATCH_LINUX_CLOCK CLOCK_BOOTTIME
#else
#define SLEEPWATCH_LINUX_CLOCK CLOCK_MONOTONIC
#endif

#endif
