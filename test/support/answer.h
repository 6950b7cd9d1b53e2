/* A whole answer read back by the parser, for tests of what writes answers. */
#ifndef SUPPORT_ANSWER_H
#define SUPPORT_ANSWER_H

#include "base/buf.h"
#include "proto/http_head.h"

struct answer {
	struct http_head head;
	struct slice body;
};

/* The buffer must hold exactly one well-formed answer to the method; anything else fails the test.
 */
void answer_read(struct answer *answer, const struct buf *bytes, enum http_method method);
/* The value of the one field with that name; NULL pointer when there is none. */
struct slice answer_field(const struct answer *answer, const char *name);

#endif
