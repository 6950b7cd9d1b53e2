/* One visitor from its stream to its report: how it begins, and the ways in which it ends. */
#ifndef AGENT_LOCAL_VISITOR_H
#define AGENT_LOCAL_VISITOR_H

#include "base/slice.h"

struct local;
struct local_visitor;
struct pump_events;
struct stream;

/* Takes the stream; the visitor is in none of the lists. */
struct local_visitor *local_visitor_new(struct local *l, void *session, struct stream **stream);
/* Reports that it has begun. */
void local_visitor_opened(struct local_visitor *v);

/* It could not be served: the relay is told, and the stream is reset. */
void local_visitor_fail(struct local_visitor *v, struct slice code, struct slice message);
/* The same with a sentence about its target, which stands in front of it. */
void local_visitor_fail_target(struct local_visitor *v, const char *code, const char *message);
/* Its stream has failed, or what it sent makes no sense: nobody is told. */
void local_visitor_gone(struct local_visitor *v);
/* It is over for this reason, which is reported; the relay is not told. */
void local_visitor_over(struct local_visitor *v, struct slice code, struct slice message);
/* It was served; both sides may still be there. */
void local_visitor_done(struct local_visitor *v);

/* From here on bytes go both ways, those that came from the service already first. */
void local_visitor_pipe(struct local_visitor *v, struct slice received);

/* Frees what waits to be recycled; nothing may run on its behalf. */
void local_visitor_free(struct local_visitor **v);
/* Makes it ready to be used again, or frees it. */
void local_visitor_recycle(struct local_visitor *v);

#endif
