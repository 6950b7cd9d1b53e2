/* Prints docs/agent-configuration.md on standard output. Run by hand after a change of adit's
 * options. */
#include <stdio.h>

#include "agent/cli_manual.h"

int main(void)
{
	struct buf out;
	size_t len, written;

	buf_init(&out);
	cli_manual_markdown(&out);
	len = buf_len(&out);
	written = fwrite(buf_slice(&out).ptr, 1, len, stdout);
	buf_release(&out);
	return written == len && fflush(stdout) == 0 ? 0 : 1;
}
