#include <errno.h>

#include "command.h"
#include "doctor.h"
#include "fleet_doctor.h"
#include "output.h"

int command_doctor(const struct request *q, struct err *err)
{
	AUTO_ROWS *rows = NULL;
	int n_failed = 0;
	int ret = q->fleet_url ? fleet_doctor(q, &rows, &n_failed, err)
			       : doctor_examine(q->db_path, q->now_us, request_style(q), &rows,
						&n_failed, err);

	if (!ret)
		ret = output_rows(q, rows, err);
	if (!ret && n_failed)
		ret = err_set(err, -EIO, "%d check%s failed; the remedy stands beside it", n_failed,
			      n_failed == 1 ? "" : "s");
	return ret;
}
