/* Writing text that came from anywhere into a format where some of its bytes would act. Pure. */
#ifndef RELAY_ESCAPE_H
#define RELAY_ESCAPE_H

#include "base/buf.h"
#include "base/slice.h"

/* For HTML text and quoted attribute values. */
void escape_html(struct buf *out, struct slice text);
/* The inside of a JSON string, for bodies that are JSON and not for script elements: what S61
 * quotes has to come out as it is. Bytes that are not UTF-8 become U+FFFD. */
void escape_json(struct buf *out, struct slice text);

#endif
