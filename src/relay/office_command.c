/* Commands as data; help is made from it and from the table of options. */
#include "relay/office_command.h"

#include "config/opt_help.h"
#include "relay/office_options.h"

#define OFFICE_BIT(group) (1u << OFFICE_GROUP_##group)
#define OFFICE_STORE OFFICE_BIT(STORE)
#define OFFICE_SUMMARY_COLUMN 27

const struct office_command office_commands[OFFICE_COMMAND_COUNT] = {
	[OFFICE_USER_ADD] = {"user", "add", "NAME", "make an account",
		"aditd user add alice --plan team", 1, 1,
		OFFICE_STORE | OFFICE_BIT(PLAN) | OFFICE_BIT(PASSWORD)},
	[OFFICE_USER_LIST] = {"user", "list", "", "list the accounts", "aditd user list --json", 0,
		0, OFFICE_STORE},
	[OFFICE_USER_DISABLE] = {"user", "disable", "NAME",
		"close an account: its tunnels end, its keys stop working",
		"aditd user disable bob", 1, 1, OFFICE_STORE},
	[OFFICE_USER_ENABLE] = {"user", "enable", "NAME", "open it again", "aditd user enable bob",
		1, 1, OFFICE_STORE},
	[OFFICE_USER_PASSWD] = {"user", "passwd", "NAME",
		"set the password for the relay's own page", "aditd user passwd alice", 1, 1,
		OFFICE_STORE | OFFICE_BIT(PASSWORD)},
	[OFFICE_USER_PLAN] = {"user", "plan", "NAME PLAN",
		"move an account to another plan; \"default\" is the relay's own",
		"aditd user plan alice pro", 2, 2, OFFICE_STORE},
	[OFFICE_KEY_CREATE] = {"key", "create", "[USER]",
		"make a key, and print it: it is shown this once",
		"aditd key create alice --label ci --names 'ci-*' --expires 90d", 0, 1,
		OFFICE_STORE | OFFICE_BIT(USER) | OFFICE_BIT(KEY)},
	[OFFICE_KEY_LIST] = {"key", "list", "[USER]", "list keys, without their secrets",
		"aditd key list alice", 0, 1, OFFICE_STORE | OFFICE_BIT(USER)},
	[OFFICE_KEY_EDIT] = {"key", "edit", "ID",
		"change what a key may, also while it is used; what is not said stays",
		"aditd key edit k3v9x0a7b2c1 --names 'ci-*,demo' --expires 90d", 1, 1,
		OFFICE_STORE | OFFICE_BIT(KEY) | OFFICE_BIT(EDIT)},
	[OFFICE_KEY_REVOKE] = {"key", "revoke", "ID...",
		"end keys: what they have open ends within a second",
		"aditd key revoke k3v9x0a7b2c1", 1, 64, OFFICE_STORE},
	[OFFICE_NAME_ADD] = {"name", "add", "NAME [USER]", "reserve a name for an account",
		"aditd name add shop alice", 1, 2, OFFICE_STORE | OFFICE_BIT(USER)},
	[OFFICE_NAME_LIST] = {"name", "list", "[USER]", "list the names that belong to accounts",
		"aditd name list", 0, 1, OFFICE_STORE | OFFICE_BIT(USER)},
	[OFFICE_NAME_REMOVE] = {"name", "remove", "NAME...", "give names back",
		"aditd name remove shop", 1, 64, OFFICE_STORE},
	[OFFICE_TUNNEL_LIST] = {"tunnel", "list", "", "list the tunnels that are open now",
		"aditd tunnel list", 0, 0, OFFICE_STORE},
	[OFFICE_TUNNEL_KILL] = {"tunnel", "kill", "NAME...", "end tunnels",
		"aditd tunnel kill shop", 1, 64, OFFICE_STORE},
	[OFFICE_AUDIT] = {"audit", "", "", "show who changed what, the newest first",
		"aditd audit --limit 20", 0, 0, OFFICE_STORE | OFFICE_BIT(AUDIT)},
	[OFFICE_USAGE] = {"usage", "", "[USER]", "show how much went through, by month",
		"aditd usage alice", 0, 1, OFFICE_STORE | OFFICE_BIT(USER)},
};

bool office_command_is_noun(struct slice word)
{
	for (size_t i = 0; i < OFFICE_COMMAND_COUNT; i++) {
		if (slice_eq(slice_from_str(office_commands[i].noun), word))
			return true;
	}
	return false;
}

const char *office_command_near(struct slice word)
{
	for (size_t i = 0; i < OFFICE_COMMAND_COUNT; i++) {
		if (opt_is_near(word, slice_from_str(office_commands[i].noun)))
			return office_commands[i].noun;
	}
	return NULL;
}

/* Appends "list, add or remove": what the noun takes. */
static void office_command_print_verbs(struct slice noun, struct buf *out)
{
	const char *between = "";

	for (size_t i = 0; i < OFFICE_COMMAND_COUNT; i++) {
		if (!slice_eq(slice_from_str(office_commands[i].noun), noun))
			continue;
		buf_printf(out, "%s%s", between, office_commands[i].verb);
		between = ", ";
	}
}

const struct office_command *office_command_find(
	struct slice noun, struct slice verb, struct buf *why_out)
{
	for (size_t i = 0; i < OFFICE_COMMAND_COUNT; i++) {
		const struct office_command *c = &office_commands[i];

		if (slice_eq(slice_from_str(c->noun), noun) &&
			(!*c->verb || slice_eq(slice_from_str(c->verb), verb)))
			return c;
	}
	buf_printf(why_out, "aditd %.*s ", SLICE_ARG(noun));
	if (verb.len) {
		buf_append_str(why_out, "does not know ");
		opt_quote(why_out, verb);
		buf_append_str(why_out, "; it takes ");
	} else {
		buf_append_str(why_out, "takes one of these: ");
	}
	office_command_print_verbs(noun, why_out);
	return NULL;
}

/* ---- help ---- */

static void office_command_print_row(const struct office_command *c, struct buf *out)
{
	struct buf name = {0};

	buf_printf(&name, "%s%s%s%s%s", c->noun, *c->verb ? " " : "", c->verb, *c->usage ? " " : "",
		c->usage);
	buf_printf(out, "  %-*.*s%s\n", OFFICE_SUMMARY_COLUMN, SLICE_ARG(buf_slice(&name)),
		c->summary);
	buf_release(&name);
}

void office_command_summary(struct buf *out)
{
	for (size_t i = 0; i < OFFICE_COMMAND_COUNT; i++)
		office_command_print_row(&office_commands[i], out);
}

static void office_command_help_noun(struct slice noun, bool colour, struct buf *out)
{
	opt_help_print_heading("Commands", colour, out);
	for (size_t i = 0; i < OFFICE_COMMAND_COUNT; i++) {
		if (slice_eq(slice_from_str(office_commands[i].noun), noun))
			office_command_print_row(&office_commands[i], out);
	}
	buf_append_char(out, '\n');
	opt_help_print_heading("Examples", colour, out);
	for (size_t i = 0; i < OFFICE_COMMAND_COUNT; i++) {
		if (slice_eq(slice_from_str(office_commands[i].noun), noun))
			buf_printf(out, "  %s\n", office_commands[i].example);
	}
	buf_printf(out,
		"\n  aditd %.*s <command> --help lists the options of one. They work on the "
		"running "
		"relay,\n  through the socket in its --state-dir, and without one on what is "
		"stored.\n",
		SLICE_ARG(noun));
}

/* Only the groups that the command takes. */
static void office_command_help_options(
	const struct office_command *command, unsigned width, bool colour, struct buf *out)
{
	for (size_t from = 0; from < office_options.count;) {
		unsigned group = office_options.opts[from].group;
		size_t to = from;

		while (to < office_options.count && office_options.opts[to].group == group)
			to++;
		if (command->groups & (1u << group)) {
			const struct opt_table part = {
				office_options.opts + from, to - from, office_options.groups};

			opt_help_print(&part, width, colour, out);
		}
		from = to;
	}
}

void office_command_help(const struct office_command *command, struct slice noun, unsigned width,
	bool colour, struct buf *out)
{
	if (!command) {
		office_command_help_noun(noun, colour, out);
		return;
	}
	buf_printf(out, "aditd %s%s%s: %s\n\n", command->noun, *command->verb ? " " : "",
		command->verb, command->summary);
	opt_help_print_heading("Usage", colour, out);
	buf_printf(out, "  aditd %s%s%s%s%s [OPTION...]\n\n", command->noun,
		*command->verb ? " " : "", command->verb, *command->usage ? " " : "",
		command->usage);
	opt_help_print_heading("Example", colour, out);
	buf_printf(out, "  %s\n", command->example);
	office_command_help_options(command, width, colour, out);
	buf_append_str(out,
		"\n  --json prints what the API says instead of a table. The folder is also taken "
		"from\n  LT_STATE_DIR, as the relay does.\n");
}
