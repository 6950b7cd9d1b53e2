/* What dev servers answer when Host is not one that they expect. Pure. */
#ifndef AGENT_LOCAL_HTTP_HINT_H
#define AGENT_LOCAL_HTTP_HINT_H

#include <stdbool.h>

#include "base/slice.h"

/* body: what came of it together with the head. */
bool local_http_hint_refuses_host(unsigned status, struct slice body);

#endif
