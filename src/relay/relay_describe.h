/* The effective configuration, as check-config prints it. Secrets are masked. */
#ifndef RELAY_RELAY_DESCRIBE_H
#define RELAY_RELAY_DESCRIBE_H

#include "base/buf.h"
#include "relay/relay_conf.h"

/* One line for each option: name, value, and where it came from. */
void relay_describe_text(const struct relay_conf *conf, struct buf *out);
/*
 * {"options":{"port":{"value":80,"layer":"flag","where":"--port"},...}}, with its line end. Times
 * are numbers in the option's own unit; what is not set is null.
 */
void relay_describe_json(const struct relay_conf *conf, struct buf *out);

#endif
