#include "hourly.h"

#include <errno.h>
#include <stdlib.h>

struct hourly {
	sqlite3 *db; /* borrowed */
};

int hourly_new(sqlite3 *db, struct hourly **out, struct err *err)
{
	struct hourly *h = calloc(1, sizeof(*h));

	if (!h)
		return err_set(err, -ENOMEM, "no memory for the totals");
	h->db = db;
	*out = h;
	return 0;
}

void hourly_free(struct hourly *h)
{
	free(h);
}

int hourly_step(struct hourly *h, int64_t now_us, int64_t budget_ns, struct err *err)
{
	(void)h, (void)now_us, (void)budget_ns, (void)err;
	return 0;
}

int64_t hourly_floor_us(const struct hourly *h)
{
	(void)h;
	return 0;
}
