/* Who has no id yet makes one, and whoever can keep it does. */
#include "agent/client_id.h"

#include "agent/private_file.h"
#include "base/err.h"
#include "config/conf_file.h"
#include "crypto/digest.h"
#include "crypto/rand.h"

#define CLIENT_ID_BYTES 16u

bool client_id_is_valid(struct slice id)
{
	return id.len && id.len <= CLIENT_ID_MAX && slice_is_token(id);
}

static void client_id_make(struct buf *out)
{
	uint8_t random[CLIENT_ID_BYTES];
	char text[2 * CLIENT_ID_BYTES + 1];

	rand_bytes(random, sizeof(random));
	digest_hex(random, sizeof(random), text);
	buf_append_str(out, text);
}

void client_id_get(const char *path, struct buf *out, struct buf *why_out)
{
	struct buf content = {0}, why = {0}, made = {0};
	int err = conf_file_read(path, 4096, &content, &why);
	struct slice id = slice_trim_lines(buf_slice(&content));

	if (!err && client_id_is_valid(id)) {
		buf_append_slice(out, id);
	} else if (!*path) {
		client_id_make(out);
		buf_append_str(why_out,
			"there is no folder of the user (HOME): names are kept for this run only");
	} else {
		client_id_make(&made);
		err = private_file_write(path, buf_slice(&made));
		if (err)
			buf_printf(why_out,
				"%s cannot be written (%s): names are kept for this run only", path,
				err_text(err));
		buf_append_slice(out, buf_slice(&made));
	}
	buf_release(&made);
	buf_release(&content);
	buf_release(&why);
}
