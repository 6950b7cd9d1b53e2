/* libuv reads /proc and the limits of control groups; nothing is kept. */
#include "io/machine.h"

#include <uv.h>

#define MACHINE_MEMORY_LEAST (UINT64_C(64) << 20) /* what is believed when nothing is known */

uint64_t machine_memory(void)
{
	uint64_t all = uv_get_total_memory(), allowed = uv_get_constrained_memory();

	if (allowed && allowed < all)
		all = allowed;
	return all > MACHINE_MEMORY_LEAST ? all : MACHINE_MEMORY_LEAST;
}
