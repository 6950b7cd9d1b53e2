/* The options of aditd's commands about accounts; see office_options.def. */
#ifndef RELAY_OFFICE_OPTIONS_H
#define RELAY_OFFICE_OPTIONS_H

#include "config/opt.h"

enum office_group {
	OFFICE_GROUP_USER,
	OFFICE_GROUP_PLAN,
	OFFICE_GROUP_PASSWORD,
	OFFICE_GROUP_KEY,
	OFFICE_GROUP_EDIT,
	OFFICE_GROUP_AUDIT,
	OFFICE_GROUP_STORE,
};

/* Text is owned; NULL and 0 when not given. */
struct office_values {
	char *user;
	char *plan;
	bool password_stdin;
	bool generate_password;
	bool no_password;
	char *label;
	char **names;
	char **protocols;
	char *ports;
	uint64_t expires_s;
	bool admin;
	bool no_expiry;
	bool no_admin;
	unsigned limit;
	char *state_dir;
	char *database;
	char *admin_socket;
	char *config_file;
};

extern const struct opt_table office_options;

#endif
