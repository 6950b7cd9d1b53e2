/* Who this agent is to relays: a random text that stays the same on this machine, so that names
 * come back to it. Not a credential, but not for everybody's eyes either. */
#ifndef AGENT_CLIENT_ID_H
#define AGENT_CLIENT_ID_H

#include "base/attr.h"
#include "base/buf.h"

#define CLIENT_ID_MAX 256u

/* Appends the id kept in the file, which is made (0600, with its folder) if it is not there. When
 * it can be neither read nor made, or the path is empty because there is none, a fresh one that
 * lasts for this run; why_out then has a sentence. */
void client_id_get(const char *path, struct buf *out, struct buf *why_out);
/* 1 to 256 of [A-Za-z0-9_-]. */
bool client_id_is_valid(struct slice id);

#endif
