/* malloc_trim looks at all arenas, whichever thread's they are. */
#include "base/heap_linux.h"

#include <stdlib.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

void heap_release(void)
{
#ifdef __GLIBC__
	malloc_trim(0);
#endif
}
