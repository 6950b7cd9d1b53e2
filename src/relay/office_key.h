/* aditd key: keys of accounts. */
#ifndef RELAY_OFFICE_KEY_H
#define RELAY_OFFICE_KEY_H

struct office_desk;

int office_key_create(struct office_desk *d);
int office_key_list(struct office_desk *d);
int office_key_edit(struct office_desk *d);
int office_key_revoke(struct office_desk *d);

#endif
