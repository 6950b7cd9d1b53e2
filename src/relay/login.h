/*
 * The relay's side of letting a machine in: the form, the password, the decision. Passwords are
 * checked on the crew, the key is made on the store's thread; the page comes when that is done.
 */
#ifndef RELAY_LOGIN_H
#define RELAY_LOGIN_H

#include "relay/api.h"

/* GET shows the form, POST takes it. API_ANSWERED or API_LATER. */
enum api_result login_handle(struct api_request *r);

#endif
