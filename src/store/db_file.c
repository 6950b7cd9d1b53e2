/*
 * The lock is a file of its own beside the database: SQLite locks the database's own bytes, and
 * closing any descriptor of that file would give those locks up.
 */
#include "store/db_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/num.h"
#include "store/db_priv.h"

struct db_file {
	struct db *db; /* borrowed */
	const char *path; /* borrowed */
	char *folder; /* owned */
	struct stat folder_stat;
};

static int db_file_fail(const struct db_file *f, const char *what, const char *path)
{
	int number = errno, err = err_from_errno(number);

	return db_fail(f->db, err, "cannot %s %s: %s", what, path, strerror(number));
}

static char *db_file_folder(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return mem_dup_str(".", 1);
	return mem_dup_str(path, slash == path ? 1 : (size_t)(slash - path));
}

static int db_file_check_folder(struct db_file *f)
{
	if (mkdir(f->folder, 0700) != 0 && errno != EEXIST)
		return db_file_fail(f, "make the folder", f->folder);
	if (stat(f->folder, &f->folder_stat) != 0)
		return db_file_fail(f, "look at", f->folder);
	if (f->folder_stat.st_mode & (S_IWGRP | S_IWOTH) && !(f->folder_stat.st_mode & S_ISVTX))
		return db_fail(f->db, ERR_DENIED,
			"others may write in the folder %s, and so replace the store: "
			"chmod go-w %s",
			f->folder, f->folder);
	return 0;
}

/* What root makes for a relay that runs as somebody else has to be that somebody's. */
static int db_file_give(const struct db_file *f, int fd, const char *path)
{
	if (geteuid() != 0 || f->folder_stat.st_uid == 0)
		return 0;
	if (fchown(fd, f->folder_stat.st_uid, f->folder_stat.st_gid) != 0)
		return db_file_fail(f, "give away", path);
	return 0;
}

static int db_file_busy(const struct db_file *f, int fd)
{
	char digits[NUM_TEXT_MAX];
	ssize_t n = pread(fd, digits, sizeof(digits), 0);
	struct slice text = slice_trim_lines(slice_of(digits, n > 0 ? (size_t)n : 0));
	uint64_t pid;

	if (num_parse_u64(text, &pid) != 0)
		return db_fail(f->db, ERR_BUSY, "another aditd has %s open", f->path);
	return db_fail(f->db, ERR_BUSY, "another aditd has %s open (process %llu)", f->path,
		(unsigned long long)pid);
}

/* The number is for people only; that it could not be written does no harm. */
static void db_file_sign(int fd)
{
	char digits[NUM_TEXT_MAX + 1];
	size_t len = num_print_u64((uint64_t)getpid(), digits);

	digits[len++] = '\n';
	if (ftruncate(fd, 0) == 0 && pwrite(fd, digits, len, 0) < 0)
		return;
}

static int db_file_lock(const struct db_file *f, int *lock_out)
{
	struct buf path;
	int err = 0, fd;

	buf_init(&path);
	buf_printf(&path, "%s.lock", f->path);
	buf_append_char(&path, '\0');
	fd = open(buf_slice(&path).ptr, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		err = db_file_fail(f, "open", buf_slice(&path).ptr);
	else if (flock(fd, LOCK_EX | LOCK_NB) != 0)
		err = errno == EWOULDBLOCK ? db_file_busy(f, fd)
					   : db_file_fail(f, "lock", buf_slice(&path).ptr);
	else
		err = db_file_give(f, fd, buf_slice(&path).ptr);
	if (!err)
		db_file_sign(fd);
	else if (fd >= 0)
		close(fd);
	buf_release(&path);
	*lock_out = err ? -1 : fd;
	return err;
}

static int db_file_check(const struct db_file *f, int fd)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return db_file_fail(f, "look at", f->path);
	if (!S_ISREG(st.st_mode))
		return db_fail(f->db, ERR_DENIED, "%s is not a file", f->path);
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		return db_fail(
			f->db, ERR_DENIED, "others may write %s: chmod go-w %s", f->path, f->path);
	return st.st_size ? 0 : db_file_give(f, fd, f->path);
}

/* Nothing of SQLite's is open in this process yet, so that closing loses no lock. */
static int db_file_make(const struct db_file *f, bool must_exist)
{
	int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, err;
	int fd = open(f->path, must_exist ? flags : flags | O_CREAT, 0600);

	if (fd < 0 && errno == ENOENT)
		return db_fail(f->db, ERR_UNAVAILABLE, "%s is gone", f->path);
	if (fd < 0)
		return db_file_fail(f, "open", f->path);
	err = db_file_check(f, fd);
	close(fd);
	return err;
}

int db_file_open(struct db *db, const char *path, bool must_exist, int *lock_out)
{
	struct db_file f = {.db = db, .path = path, .folder = db_file_folder(path)};
	int err = must_exist && access(f.folder, F_OK) != 0 ? db_file_fail(&f, "look at", f.folder)
							    : db_file_check_folder(&f);

	*lock_out = -1;
	if (!err)
		err = db_file_lock(&f, lock_out);
	if (!err)
		err = db_file_make(&f, must_exist);
	if (err && *lock_out >= 0) {
		close(*lock_out);
		*lock_out = -1;
	}
	mem_free(f.folder);
	return err;
}
