/* The texts about the options: --help and docs/configuration.md. Made from the table. Pure. */
#ifndef RELAY_RELAY_MANUAL_H
#define RELAY_RELAY_MANUAL_H

#include <stdbool.h>

#include "base/buf.h"

void relay_manual_help(struct buf *out, unsigned width, bool colour);
void relay_manual_markdown(struct buf *out);

#endif
