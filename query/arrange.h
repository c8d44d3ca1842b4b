/*
 * arrange.h - what may be asked of any report beside its window and filters: to be grouped by
 * other columns, in another order, some of its rows only, and names beside addresses. See by.h,
 * sort.h, having.h and resolve.h.
 */
#ifndef CONNMON_ARRANGE_H
#define CONNMON_ARRANGE_H

#include "by.h"
#include "having.h"
#include "options.h"
#include "resolve.h"
#include "sort.h"

struct arrange {
	struct by by;
	struct sort sort;
	struct having having;
	struct resolve resolve;
};

/* Takes --by, --sort, --having and --resolve out of what was given; @by is what the report is
 * grouped by else,
 * "" for a report that is not. -EINVAL with the option and what is wrong with its value. */
int arrange_parse(const struct options *given, const char *by, int64_t now_us, struct arrange *out,
		  struct err *err);

/*
 * Makes *@select what it is to be: in another order, and some of its rows only. @stmt is the
 * report as it is, compiled: the columns are looked up there. Names come later. The old text is
 * freed, the new one is the caller's to free(). -EINVAL for what the user has wrong.
 */
int arrange_select(struct arrange *arrange, sqlite3_stmt *stmt, char **select, struct err *err);

/* Likewise with names beside its addresses, at last: @stmt is the report as it is by then, and
 * resolve_is_needed(). */
int arrange_names(const struct arrange *arrange, sqlite3_stmt *stmt, char **select,
		  struct err *err);

/* Whether arrange_select() has anything to do. */
bool arrange_is_needed(const struct arrange *arrange);

#endif
