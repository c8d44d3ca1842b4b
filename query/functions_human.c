/* ago(), human_bytes(), human_us(). */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>

#include "functions_parts.h"
#include "human.h"
#include "timespec.h"

static int64_t now_us(void)
{
	struct timeval now;

	gettimeofday(&now, NULL);
	return now.tv_sec * US_PER_S + now.tv_usec;
}

/* Of one moment for all rows: kept with its argument, if that is a constant. */
void sql_ago(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
	const char *text = (const char *)sqlite3_value_text(argv[0]);
	int64_t *known = sqlite3_get_auxdata(ctx, 0);
	int64_t duration_us;
	struct err err;

	(void)argc;
	if (known) {
		sqlite3_result_int64(ctx, *known);
		return;
	}
	if (sqlite3_value_type(argv[0]) == SQLITE_NULL)
		return;
	if (!text || strlen(text) != (size_t)sqlite3_value_bytes(argv[0]) ||
	    timespec_parse_duration(text, &duration_us, &err)) {
		sqlite3_result_error(
			ctx, "ago: no duration; write 90s, 15m, 1h, 7d or 2w, as in ago('1h')", -1);
		return;
	}
	known = sqlite3_malloc(sizeof(*known));
	if (!known) {
		sqlite3_result_error_nomem(ctx);
		return;
	}
	*known = now_us() - duration_us;
	sqlite3_result_int64(ctx, *known);
	sqlite3_set_auxdata(ctx, 0, known, sqlite3_free);
}

/* False: NULL, or no number, or none that 64 bits can hold. */
static bool quantity(sqlite3_value *value, int64_t *out)
{
	int type = sqlite3_value_numeric_type(value);

	if (type == SQLITE_FLOAT && !(fabs(sqlite3_value_double(value)) < 9e18))
		return false;
	*out = sqlite3_value_int64(value);
	return type == SQLITE_INTEGER || type == SQLITE_FLOAT;
}

static void human(sqlite3_context *ctx, sqlite3_value *value,
		  void (*format)(int64_t, char *, size_t))
{
	char text[HUMAN_SIZE] = "-";
	int64_t n;

	if (!quantity(value, &n))
		return;
	if (n < 0) /* -INT64_MIN is none; one less is the same to people */
		format(n == INT64_MIN ? INT64_MAX : -n, text + 1, sizeof(text) - 1);
	else
		format(n, text, sizeof(text));
	sqlite3_result_text(ctx, text, -1, SQLITE_TRANSIENT);
}

void sql_human_bytes(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
	(void)argc;
	human(ctx, argv[0], human_bytes);
}

void sql_human_us(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
	(void)argc;
	human(ctx, argv[0], human_duration);
}
