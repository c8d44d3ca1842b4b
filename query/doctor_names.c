/* doctor_names.c - what the last run heard of names, and what it could not. */
#include "doctor_parts.h"

#include <inttypes.h>
#include <stdio.h>

struct loss {
	const char *what, *remedy;
};

static void tell_losses(struct patient *p, const int64_t *lost)
{
	static const struct loss losses[] = {
		{"packets dropped, for they came too fast",
		 "give connmon-collect a processor; or is somebody flooding?"},
		{"names without room, for too many were new at once",
		 "is somebody asking for names that he makes up?"},
		{"rows deleted, the oldest, for they were too many",
		 "give connmon-collect a larger --max-size, if that is small"},
		{"malformed packets", "somebody sends from port 53 what is no DNS"},
		{"fragments", "none is needed, for most are asked for again over TCP"},
		{"packets of which only a part was there",
		 "none is needed, for most are asked for again over TCP"},
	};

	for (size_t i = 0; i < sizeof(losses) / sizeof(losses[0]); i++)
		if (lost[i])
			doctor_found(p, WARN, losses[i].remedy, "%" PRId64 " %s", lost[i],
				     losses[i].what);
}

void doctor_names(struct patient *p)
{
	int64_t there = 0, names = 0, a[8]; /* seen, used, and losses in the order above */

	/* A database of before names has no such table: the first check tells. */
	if (!doctor_ask(p, "SELECT count(*) FROM sqlite_schema WHERE name = 'dns_account'", 0,
			&there, 1) ||
	    !there)
		return;
	if (!doctor_ask(p, "SELECT count(*) FROM dns_name", 0, &names, 1))
		return;
	if (!doctor_ask(p,
			"SELECT seen, used, dropped, overflow, pruned, malformed, fragments, cut"
			" FROM dns_account WHERE run_id = (SELECT max(id) FROM run)",
			0, a, 8)) {
		if (p->n_found == 0)
			doctor_found(p, OK, "",
				     "the last run records none: it was told --no-dns, or has no "
				     "CAP_NET_RAW");
		return;
	}
	doctor_found(p, OK, "",
		     "%" PRId64 " kept; of %" PRId64 " packets from port 53 that the last run read,"
		     " %" PRId64 " had some",
		     names, a[0], a[1]);
	tell_losses(p, a + 2);
}
