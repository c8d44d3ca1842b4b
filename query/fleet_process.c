#include "fleet_process.h"

#include <errno.h>

#include "db.h"

/* As on the node, where a process has a program, and that a container; here the row of a process
 * says it all. What stands there for listeners goes. */
static const char tables[] =
	"DROP VIEW program; DROP VIEW container;"
	"CREATE TABLE known_process (id INTEGER, boot INTEGER, pid INTEGER, start_us INTEGER,"
	" ppid INTEGER, parent_id INTEGER, comm TEXT, exe TEXT, uid INTEGER, container TEXT,"
	" cmdline TEXT, exit_us INTEGER);"
	"INSERT INTO known_process SELECT id, boot, pid, start_us, ppid, parent_id, comm, exe, uid,"
	" container, cmdline, exit_us FROM fleet_processes;"
	"CREATE INDEX known_process_id ON known_process(id);"
	"CREATE INDEX known_process_pid ON known_process(pid);"
	"CREATE INDEX known_process_parent ON known_process(parent_id);"
	"CREATE VIEW process AS SELECT *, id AS program_id FROM known_process;"
	"CREATE VIEW program AS SELECT id, comm, exe, uid, id AS container_id FROM known_process;"
	"CREATE VIEW container AS SELECT id, container AS name FROM known_process;"
	"CREATE VIEW connection AS SELECT id, duration_us, iif(failed, 16, 0) AS outcome, process_id"
	" FROM fleet_connections WHERE is_open = 0;"
	"CREATE VIEW open_connection AS SELECT id - duration_us AS start_us, process_id"
	" FROM fleet_open;";

int fleet_process_begin(struct fleet *fleet, sqlite3 *db, struct err *err)
{
	int ret;

	if (fleet->n_nodes > 1)
		return err_set(err, -EINVAL,
			       "process asks of one node, and --node is %d here: name it by its "
			       "machine id",
			       fleet->n_nodes);
	ret = db_exec(db, tables, err);
	if (ret && fleet->err.code)
		*err = fleet->err;
	return ret ? err->code : 0;
}
