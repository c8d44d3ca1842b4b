/* fleet_doctor.h - is all well with the nodes of a fleet, and with what they send? */
#ifndef CONNMON_FLEET_DOCTOR_H
#define CONNMON_FLEET_DOCTOR_H

#include "request.h"
#include "rows.h"

/* Into *@out rows of node, check, state, finding and remedy, as doctor_examine() has them, those
 * that are worst first, which the caller frees with rows_free(); into *@n_failed how many say fail.
 * Fails as ask_with_fleet() does. */
int fleet_doctor(const struct request *q, struct rows **out, int *n_failed, struct err *err);

#endif
