/*
 * libpq, and the one home of its header. It brings LDAP and Kerberos along, some 4 MiB of memory,
 * so that it is loaded when a database asks for it and not with the program.
 */
#ifndef STORE_PG_LIB_H
#define STORE_PG_LIB_H

#include <libpq-fe.h>

#include "base/attr.h"

struct buf;

struct pg_lib {
#define FUNCTION(name) typeof(name) *name;
#include "store/pg_function.def"
#undef FUNCTION
};

/* It stays in the process from then on: loading it again costs nothing. On an error why gets a
 * sentence without a full stop. */
MUST_CHECK int pg_lib_load(struct pg_lib *lib, struct buf *why);

#endif
