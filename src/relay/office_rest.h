/* aditd name, tunnel, audit and usage. */
#ifndef RELAY_OFFICE_REST_H
#define RELAY_OFFICE_REST_H

struct office_desk;

int office_rest_name_add(struct office_desk *d);
int office_rest_name_list(struct office_desk *d);
int office_rest_name_remove(struct office_desk *d);
int office_rest_tunnel_list(struct office_desk *d);
int office_rest_tunnel_kill(struct office_desk *d);
int office_rest_audit(struct office_desk *d);
int office_rest_usage(struct office_desk *d);

#endif
