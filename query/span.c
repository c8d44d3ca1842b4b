#include "span.h"

#include <errno.h>
#include <string.h>

#include "db.h"
#include "subject.h"
#include "timespec.h"

void span_add_options(struct option_set *set, unsigned span_group, unsigned window_group)
{
	static const struct values files = {.kind = VALUES_FILES};
	const struct option_spec specs[] = {
		{"last", "DURATION", "from so long ago until now, as in --last 1h", span_group,
		 .needs = HAS_SPAN},
		{"at", "TIME", "around this moment, as in --at 03:20", span_group,
		 .needs = HAS_SPAN},
		{"around", "DURATION", "how long before and after --at (default 5m)", span_group,
		 .needs = HAS_SPAN},
		{"cursor-file", "FILE",
		 "what ended since the last run with this FILE, which remembers it; the first run "
		 "begins at --since",
		 window_group, .needs = READS_SCOPE, .values = &files},
	};

	for (size_t i = 0; i < sizeof(specs) / sizeof(specs[0]); i++)
		options_add(set, specs[i]);
}

static int check_together(const struct options *given, struct err *err)
{
	static const char *const exclusive[][2] = {
		{"last", "since"},
		{"last", "until"},
		{"last", "at"},
		{"at", "since"},
		{"at", "until"},
		{"cursor-file", "last"},
		{"cursor-file", "until"},
		{"cursor-file", "at"},
		{"cursor-file", "active"},
		{"cursor-file", "started"},
	};

	for (size_t i = 0; i < sizeof(exclusive) / sizeof(exclusive[0]); i++)
		if (options_get(given, exclusive[i][0]) && options_get(given, exclusive[i][1]))
			return err_set(err, -EINVAL, "--%s and --%s exclude each other",
				       exclusive[i][0], exclusive[i][1]);
	if (options_get(given, "around") && !options_get(given, "at"))
		return err_set(err, -EINVAL, "--around needs a moment: --at TIME");
	return 0;
}

static struct param_value *value_of(const struct report *report, struct report_args *args,
				    const char *name)
{
	return &args->values[report_find_param(report, name) - report->params];
}

/* @shifted: it is yesterday's time of day. */
static int read_moment(const char *text, int64_t now_us, struct param_value *out, bool *shifted,
		       struct err *err)
{
	*out = (struct param_value){.from_boot = strcmp(text, "boot") == 0};
	*shifted = false;
	if (out->from_boot)
		return 0;
	return timespec_parse_past(text, now_us, &out->number, shifted, err);
}

static int read_last(const char *text, int64_t now_us, struct param_value *since,
		     struct param_value *until, struct err *err)
{
	int64_t back_us;

	if (timespec_parse_duration(text, &back_us, err))
		return err_wrap(err, "--last");
	if (back_us > now_us)
		return err_set(err, -ERANGE, "--last: \"%s\" ago is before 1970", text);
	since->number = now_us - back_us;
	until->number = now_us;
	return 0;
}

static int read_at(const struct options *given, int64_t now_us, struct param_value *since,
		   struct param_value *until, struct err *err)
{
	const char *around = options_get(given, "around");
	int64_t around_us;
	bool shifted;

	if (timespec_parse_duration(around ? around : "5m", &around_us, err))
		return err_wrap(err, "--around");
	if (read_moment(options_get(given, "at"), now_us, since, &shifted, err))
		return err_wrap(err, "--at");
	*until = *since;
	since->number -= around_us;
	until->number += around_us;
	if (since->number < 0 && !since->from_boot)
		since->number = 0;
	return 0;
}

/* What the report says of since when nobody does; it counts back from until. */
static int default_since(const char *text, const struct param_value *until,
			 struct param_value *since, struct err *err)
{
	int64_t back_us;

	*since = *until;
	if (!until->from_boot)
		return timespec_parse(text, until->number, &since->number, err);
	if (timespec_parse_duration(text, &back_us, err))
		return err_set(err, -EINVAL, "--until boot needs a --since, too");
	since->number -= back_us;
	return 0;
}

static int read_since_until(const struct report *report, const struct options *given,
			    int64_t now_us, struct param_value *since, struct param_value *until,
			    struct err *err)
{
	const char *from = options_get(given, "since"), *to = options_get(given, "until");
	bool from_yesterday = true, shifted = false;
	int ret = 0;

	if (from && read_moment(from, now_us, since, &from_yesterday, err))
		return err_wrap(err, "--since");
	if (!to)
		to = report_find_param(report, "until")->dflt;
	if (from_yesterday)
		ret = read_moment(to, now_us, until, &shifted, err);
	else
		ret = report_find_param(report, "until")->type->parse(to, now_us, until, err);
	if (ret)
		return err_wrap(err, "--until");
	if (!from && default_since(report_find_param(report, "since")->dflt, until, since, err))
		return err_wrap(err, "--since");
	return 0;
}

static int check_order(const struct report_args *args, struct err *err)
{
	char from[TIMESPEC_SIZE], to[TIMESPEC_SIZE];

	if (args->since_us <= args->until_us)
		return 0;
	return err_set(err, -EINVAL, "--since (%s) is after --until (%s)",
		       timespec_format(args->since_us, TIMESPEC_LOCAL, from),
		       timespec_format(args->until_us, TIMESPEC_LOCAL, to));
}

int span_read(const struct report *report, const struct options *given, int64_t now_us,
	      struct report_args *out, struct err *err)
{
	struct param_value *since = value_of(report, out, "since");
	struct param_value *until = value_of(report, out, "until");
	const char *last = options_get(given, "last");
	int ret = check_together(given, err);

	if (ret)
		return ret;
	if (last)
		ret = read_last(last, now_us, since, until, err);
	else if (options_get(given, "at"))
		ret = read_at(given, now_us, since, until, err);
	else
		ret = read_since_until(report, given, now_us, since, until, err);
	if (ret)
		return ret;
	out->since_us = since->number;
	out->until_us = until->number;
	return since->from_boot || until->from_boot ? 0 : check_order(out, err);
}

/* By the latest that is known of its clock, which may have been set since it booted. */
static int find_boot(sqlite3 *db, int64_t *boot_us, struct err *err)
{
	AUTO_STMT *stmt = NULL;
	int rc, ret = db_prepare(db,
				 "SELECT offset_us FROM clock WHERE run_id IN"
				 " (SELECT id FROM run WHERE boot_id ="
				 "  (SELECT boot_id FROM run ORDER BY id DESC LIMIT 1))"
				 " ORDER BY at_us - offset_us DESC LIMIT 1",
				 &stmt, err);

	if (ret)
		return ret;
	rc = sqlite3_step(stmt);
	if (rc == SQLITE_DONE ||
	    (rc == SQLITE_ROW && !timespec_is_moment(sqlite3_column_int64(stmt, 0))))
		return err_set(err, -ENODATA,
			       "the history does not tell when its node booted; write a time "
			       "instead of boot");
	if (rc != SQLITE_ROW)
		return err_set(err, db_errno(rc), "%s", sqlite3_errmsg(db));
	*boot_us = sqlite3_column_int64(stmt, 0);
	return 0;
}

bool span_is_open(const struct report_args *args)
{
	for (int i = 0; i < REPORT_MAX_PARAMS; i++)
		if (args->values[i].from_boot)
			return true;
	return false;
}

int span_settle(const struct report *report, struct report_args *args, sqlite3 *db, struct err *err)
{
	int64_t boot_us = 0;

	if (!span_is_open(args))
		return 0;
	if (find_boot(db, &boot_us, err))
		return err->code;
	for (int i = 0; i < report->n_params; i++) {
		struct param_value *value = &args->values[i];

		if (!value->from_boot)
			continue;
		value->from_boot = false;
		value->number += boot_us;
	}
	args->since_us = value_of(report, args, "since")->number;
	args->until_us = value_of(report, args, "until")->number;
	return check_order(args, err) ? (err->code = REPORT_USAGE) : 0;
}

void span_set(const struct report *report, struct report_args *args, int64_t since_us,
	      int64_t until_us)
{
	value_of(report, args, "since")->number = args->since_us = since_us;
	value_of(report, args, "until")->number = args->until_us = until_us;
}
