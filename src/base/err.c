/* Names of errors and their relation to errno. */
#include "base/err.h"

#include <errno.h>

static const char *const err_texts[ERR_INDEX_COUNT] = {
	"no error",
#define ERR(name, text) text,
#include "base/err.def"
#undef ERR
};

const char *err_text(int err)
{
	return err <= 0 && err > -ERR_INDEX_COUNT ? err_texts[-err] : "unknown error";
}

int err_from_errno(int number)
{
	switch (number) {
	case 0:
		return 0;
	case EMFILE:
	case ENFILE:
		return ERR_NO_FDS;
	case EADDRINUSE:
		return ERR_BUSY;
	case EADDRNOTAVAIL:
		return ERR_ADDRESS;
	case EACCES:
	case EPERM:
		return ERR_DENIED;
	case ENOENT:
		return ERR_NOT_FOUND;
	case ETIMEDOUT:
		return ERR_TIMEOUT;
	case ECONNREFUSED:
		return ERR_REFUSED;
	case ENETUNREACH:
	case EHOSTUNREACH:
	case ENETDOWN:
	case EHOSTDOWN:
		return ERR_UNREACHABLE;
	case ECONNRESET:
	case ECONNABORTED:
	case EPIPE:
		return ERR_RESET;
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return ERR_FULL;
	case EROFS:
		return ERR_READONLY;
	default:
		return ERR_SYSTEM;
	}
}
