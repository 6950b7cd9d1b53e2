/* The table of every option of aditd: the one place that a new option is written to. */
#ifndef RELAY_RELAY_OPTIONS_H
#define RELAY_RELAY_OPTIONS_H

#include "config/opt.h"

extern const struct opt_table relay_options;

#endif
