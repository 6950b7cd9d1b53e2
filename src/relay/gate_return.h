/*
 * Where a visitor goes after the form, and whether the form came from our own page. Pure: both
 * are decided by text that others may have chosen.
 */
#ifndef RELAY_GATE_RETURN_H
#define RELAY_GATE_RETURN_H

#include <stdbool.h>

#include "base/slice.h"

#define GATE_RETURN_MAX 2048u
#define GATE_PATH "/_adit/gate/"

struct http_head;
struct http_host;

/* Whether a path, without its query, is the gate's own. */
bool gate_return_is_own(struct slice path);
/* The path with its query as it may stand in Location, or "/": only ways within the same host. */
struct slice gate_return_path(struct slice wanted);
/*
 * Whether a browser says that the form was sent from a page of this host. Browsers that say
 * nothing at all are too old for either field; what they send is left to the CSRF cookie.
 */
bool gate_return_is_same_origin(const struct http_head *head, const struct http_host *host);

#endif
