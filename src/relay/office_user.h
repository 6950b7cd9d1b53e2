/* aditd user: accounts. */
#ifndef RELAY_OFFICE_USER_H
#define RELAY_OFFICE_USER_H

struct office_desk;

int office_user_add(struct office_desk *d);
int office_user_list(struct office_desk *d);
int office_user_disable(struct office_desk *d);
int office_user_enable(struct office_desk *d);
int office_user_passwd(struct office_desk *d);
int office_user_plan(struct office_desk *d);

#endif
