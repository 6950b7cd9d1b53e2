/* Makes the table from office_options.def. */
#include "relay/office_options.h"

#include <stddef.h>

static const char *const office_groups[] = {
	[OFFICE_GROUP_USER] = "Whose",
	[OFFICE_GROUP_PLAN] = "Account",
	[OFFICE_GROUP_PASSWORD] = "Password",
	[OFFICE_GROUP_KEY] = "What the key may",
	[OFFICE_GROUP_EDIT] = "What it loses",
	[OFFICE_GROUP_AUDIT] = "How much",
	[OFFICE_GROUP_STORE] = "Where the relay keeps its accounts",
};

#define OPT(in_group, kind, field, flag_name, initial, least, most, sentence)                      \
	{.name = flag_name,                                                                        \
		.fallback = initial,                                                               \
		.doc = sentence,                                                                   \
		.min = least,                                                                      \
		.max = most,                                                                       \
		.offset = offsetof(struct office_values, field),                                   \
		.size = sizeof(((struct office_values *)NULL)->field),                             \
		.type = OPT_##kind,                                                                \
		.group = OFFICE_GROUP_##in_group,                                                  \
		.flags = OPT_NO_FILE | OPT_NO_ENV},

static const struct opt office_opts[] = {
#include "relay/office_options.def"
};

const struct opt_table office_options = {office_opts, ARRAY_LEN(office_opts), office_groups};
