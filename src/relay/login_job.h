/* What the page where machines are let in does with its form, off the loops. */
#ifndef RELAY_LOGIN_JOB_H
#define RELAY_LOGIN_JOB_H

#include <stdbool.h>

#include "base/buf.h"
#include "crypto/password.h"
#include "crypto/seal.h"
#include "relay/admin_devices.h"
#include "relay/login_page.h"
#include "store/record.h"

struct admin_service;
struct api_later;
struct http_host;
struct reply;
struct worker;

/* The fields of the form, and where it came from. */
struct login_form {
	char step[16];
	char csrf[SEAL_TEXT_LEN + 1];
	char code[32];
	char account[RECORD_ACCOUNT_MAX + 1];
	char password[PASSWORD_MAX + 1];
	char proof[SEAL_TEXT_LEN + 1];
	char address[ADMIN_DEVICES_ADDRESS_MAX + 1];
};

struct login_showing {
	struct admin_service *service;
	const struct login_form *form;
	enum login_view view;
	struct slice host; /* of the relay */
	struct slice problem;
	unsigned retry_after_s;
};

/* Writes a page, with a new seal for its form. */
void login_job_show(struct buf *out, const struct login_showing *what, struct reply *reply);
/* Whether the form is one that was shown, not long ago. */
bool login_job_is_ours(struct admin_service *service, const struct login_form *form);
/*
 * Checks the password, or decides. Either *later_out is what the page comes from, or the view is
 * to be shown now.
 */
enum login_view login_job_start(struct worker *w, const struct login_form *form,
	const struct http_host *host, unsigned *wait_s_out, struct api_later **later_out);

#endif
