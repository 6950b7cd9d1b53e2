/*
 * Where a password for an account comes from: standard input, a prompt on the terminal, or chance.
 * Never from the command line, where every user of the machine could read it.
 */
#ifndef RELAY_OFFICE_PASSWORD_H
#define RELAY_OFFICE_PASSWORD_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/buf.h"

struct office_values;

enum office_password_kind {
	OFFICE_PASSWORD_NONE, /* nothing was said */
	OFFICE_PASSWORD_GIVEN,
	OFFICE_PASSWORD_MADE, /* to be shown */
	OFFICE_PASSWORD_REMOVE,
};

/*
 * Asks on the terminal if no option says otherwise and there is one. The caller wipes the text. On
 * an error the message says what to do.
 */
MUST_CHECK int office_password_get(const struct office_values *v, const char *account,
	enum office_password_kind *kind_out, struct buf *text_out, struct buf *message);

#endif
