/* What dev servers answer when Host or Origin is not one that they expect. Pure. */
#ifndef AGENT_LOCAL_HTTP_HINT_H
#define AGENT_LOCAL_HTTP_HINT_H

#include <stdbool.h>

#include "base/slice.h"

/* body: what came of it together with the head; status 0: all that came, where that is no head. */
bool local_http_hint_refuses_host(unsigned status, struct slice body);

#endif
