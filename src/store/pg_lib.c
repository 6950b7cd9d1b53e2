#include "store/pg_lib.h"

#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"

#define PG_LIB_FILE "libpq.so.5"
#define PG_LIB_ADVICE "install libpq5, or keep the store in a file with --state-dir alone"

static const struct {
	const char *name;
	size_t at;
} pg_lib_functions[] = {
#define FUNCTION(name) {#name, offsetof(struct pg_lib, name)},
#include "store/pg_function.def"
#undef FUNCTION
};

int pg_lib_load(struct pg_lib *lib, struct buf *why)
{
	void *handle = dlopen(PG_LIB_FILE, RTLD_NOW | RTLD_LOCAL);

	if (!handle) {
		buf_printf(why,
			"the library that speaks to PostgreSQL cannot be loaded "
			"(%s): " PG_LIB_ADVICE,
			dlerror());
		return ERR_SYSTEM;
	}
	for (size_t i = 0; i < ARRAY_LEN(pg_lib_functions); i++) {
		void *function = dlsym(handle, pg_lib_functions[i].name);

		if (!function) {
			buf_printf(why,
				PG_LIB_FILE " is not the library of PostgreSQL 12 or later "
					    "(it has no %s): " PG_LIB_ADVICE,
				pg_lib_functions[i].name);
			return ERR_SYSTEM;
		}
		memcpy((char *)lib + pg_lib_functions[i].at, &function, sizeof(function));
	}
	return 0;
}
