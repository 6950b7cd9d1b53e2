/* The one place that knows all drivers. */
#include "store/db_open.h"

#include "base/buf.h"
#include "base/err.h"
#include "store/db.h"
#include "store/db_migrate.h"
#include "store/db_pgsql.h"
#include "store/db_sqlite.h"

int db_open(const struct db_conf *conf, uint64_t deadline_ms, struct db **db_out, struct buf *why)
{
	int err = conf->url ? db_pgsql_open(conf->url, conf->instance, deadline_ms, db_out)
			    : db_sqlite_open(conf->path, conf->must_exist, db_out);

	db_set_deadline(*db_out, deadline_ms);
	if (!err)
		err = db_migrate(*db_out);
	if (!err)
		return 0;
	buf_append_str(why, db_error(*db_out));
	db_close(db_out);
	return err;
}

void db_open_describe(const struct db_conf *conf, struct buf *out)
{
	if (conf->url)
		db_pgsql_describe(conf->url, out);
	else
		buf_append_str(out, conf->path);
}
