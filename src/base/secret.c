/* One mapping for each secret: few are kept at a time, and a page can be locked only as a whole. */
#include "base/secret.h"

#include <sys/mman.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/secret_linux.h"

/* Stands in front of the text, which keeps the alignment. */
struct secret_head {
	size_t size; /* of the mapping */
};

static struct secret_head *secret_head_of(char *secret)
{
	return (struct secret_head *)(void *)(secret - sizeof(struct secret_head));
}

char *secret_dup(struct slice text)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t size = (sizeof(struct secret_head) + text.len + page) / page * page;
	struct secret_head *head;
	char *secret;

	if (!text.ptr)
		return NULL;
	head = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(head != MAP_FAILED);
	/* Where nothing may be locked, that is less of a shield. */
	(void)mlock(head, size);
	secret_linux_hide(head, size);
	head->size = size;
	secret = (char *)(head + 1);
	memcpy(secret, text.ptr, text.len);
	return secret;
}

void secret_free(char **secret)
{
	struct secret_head *head;
	size_t size;

	if (!*secret)
		return;
	head = secret_head_of(*secret);
	*secret = NULL;
	size = head->size;
	mem_wipe(head, size);
	munmap(head, size);
}
