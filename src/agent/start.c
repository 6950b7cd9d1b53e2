/* Finds the file, reads it, and reads it again when run.c says so. */
#include "agent/start.h"

#include <string.h>
#include <unistd.h>

#include "agent/cli_guard.h"
#include "agent/tunnels_file.h"
#include "base/err.h"
#include "config/conf_file.h"

#define START_FILE_MAX (1u << 20)
#define START_FILE_HERE "tunnels.yaml"

struct start {
	const struct cli_conf *conf;
	const char *path;
	char **environ_list;
};

/* The one that was named, the one here, or the one of the user. */
static int start_find(
	const struct cli_conf *conf, char **environ_list, struct buf *path, struct buf *message)
{
	struct buf usual = {0};
	int err = 0;

	if (conf->values.tunnels_file)
		buf_printf(path, "%s%c", conf->values.tunnels_file, '\0');
	else if (access(START_FILE_HERE, F_OK) == 0)
		buf_printf(path, "%s%c", START_FILE_HERE, '\0');
	else if (cli_conf_path(environ_list, "CONFIG", START_FILE_HERE, &usual) &&
		access(buf_slice(&usual).ptr, F_OK) == 0)
		buf_append_slice(path, buf_slice(&usual));
	else {
		buf_append_str(message,
			"there is no ./tunnels.yaml and no ~/.config/adit/tunnels.yaml; name the "
			"file with --file (adit help start shows one)");
		err = ERR_NOT_FOUND;
	}
	buf_release(&usual);
	return err;
}

static int start_read(const struct start *s, struct tunnels_file *out, struct buf *message)
{
	const struct args *args = &s->conf->args;
	struct tunnels_source source = {.file = s->path, .environ_list = s->environ_list};
	struct buf content = {0}, why = {0};
	int err = conf_file_read(s->path, START_FILE_MAX, &content, &why);

	*out = (struct tunnels_file) {0};
	source.text = buf_slice(&content);
	if (err)
		buf_printf(
			message, "%s: cannot be read: %.*s", s->path, SLICE_ARG(buf_slice(&why)));
	else
		err = tunnels_file_parse(&source, out, message);
	if (!err) {
		err = tunnels_file_choose(out, args->words, args->word_count, &why);
		if (err)
			buf_printf(message, "%s: %.*s", s->path, SLICE_ARG(buf_slice(&why)));
	}
	if (err)
		tunnels_file_deinit(out);
	conf_file_forget(&content);
	buf_release(&why);
	return err;
}

static int start_reload(void *ctx, struct tunnels_file *out, struct buf *message)
{
	const struct start *s = ctx;
	int err = start_read(s, out, message);

	if (!err)
		err = cli_guard_check_way(s->conf, out->specs, out->count, message);
	if (err)
		tunnels_file_deinit(out);
	return err;
}

enum run_exit start_tunnels(struct cli_conf *conf, char **environ_list, struct buf *message)
{
	struct tunnels_file file = {0};
	struct buf path = {0};
	struct start start = {.conf = conf, .environ_list = environ_list};
	enum run_exit status = RUN_USAGE;
	int err = start_find(conf, environ_list, &path, message);

	if (!err) {
		start.path = buf_slice(&path).ptr;
		err = start_read(&start, &file, message);
	}
	if (!err && file.relay)
		err = cli_conf_set_relay(conf, slice_from_str(file.relay), message);
	if (!err)
		err = cli_conf_need_relay(conf, message);
	if (!err) {
		const struct run_job job = {.specs = file.specs,
			.count = file.count,
			.watch = start.path,
			.reload = start_reload,
			.ctx = &start};

		status = run_tunnels(conf, environ_list, &job, message);
	}
	tunnels_file_deinit(&file);
	buf_release(&path);
	return status;
}
