/*
 * The HTTP proxy that the environment names for a host, by the variables that other programs read
 * as well: https_proxy, http_proxy, all_proxy and no_proxy, in lower case before upper case.
 */
#ifndef CONFIG_PROXY_ENV_H
#define CONFIG_PROXY_ENV_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/slice.h"

struct buf;

struct proxy_env_target {
	const char *host; /* a name or an address, without brackets */
	uint16_t port;
	bool is_tls;
};

struct proxy_env {
	char *address; /* owned: "host:port"; NULL: go there directly */
	char *authorization; /* owned: "Basic ..."; or NULL */
};

/*
 * environ_list is NULL-terminated, of KEY=VALUE. ERR_SYNTAX when the variable in force cannot be
 * read; the message names it, without what may be a password.
 */
MUST_CHECK int proxy_env_find(char **environ_list, const struct proxy_env_target *target,
	struct proxy_env *out, struct buf *message);
/* The password is wiped. */
void proxy_env_deinit(struct proxy_env *p);
/* Whether a no_proxy list has the host: names with their subdomains, addresses, *, each with or
 * without a port. */
bool proxy_env_is_excepted(struct slice list, const struct proxy_env_target *target);

#endif
