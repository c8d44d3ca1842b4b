#include "dialect.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "embed.h"
#include "text.h"

extern const struct embed fleet_clickhouse[];

#define NAME_CHARACTERS                                                                            \
	"abcdefghijklmnopqrstuvwxyz"                                                               \
	"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"

int dialect_of(const char *version, struct dialect *out, struct err *err)
{
	int major, minor;

	if (sscanf(version, "%d.%d", &major, &minor) != 2)
		return err_set(err, -EINVAL, "it calls itself version '%.20s', which is none",
			       version);
	out->is_new = major * 100 + minor >= 2008;
	out->knows_token = major * 100 + minor >= 2203;
	return 0;
}

int dialect_check_name(const char *what, const char *name, struct err *err)
{
	if (name[0] && strspn(name, NAME_CHARACTERS) == strlen(name))
		return 0;
	return err_set(err, -EINVAL, "'%.60s' is no name of a %s: letters, digits and _ are", name,
		       what);
}

/* What stands behind a begin of line, if that is for this dialect; else NULL. */
static const char *choose(const struct dialect *d, const char *line)
{
	const struct {
		const char *word;
		bool holds;
	} all[] = {
		{"@old ", !d->is_new},
		{"@new ", d->is_new},
		{"@sharded ", d->cluster != NULL},
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (strncmp(line, all[i].word, strlen(all[i].word)) == 0)
			return all[i].holds ? line + strlen(all[i].word) : NULL;
	return line;
}

static void write_engine(const struct dialect *d, const char *word, FILE *out)
{
	char table[32], column[32] = "";

	if (sscanf(word, "replacing(%31[a-z_], %31[a-z_])", table, column) < 1)
		return;
	if (!d->replicated) {
		fprintf(out, "ReplacingMergeTree(%s)", column);
		return;
	}
	fprintf(out,
		"ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/%s/%s', '{replica}'%s%s)",
		d->database, table, column[0] ? ", " : "", column);
}

static void write_word(const struct dialect *d, const char *word, FILE *out)
{
	if (strcmp(word, "word") == 0)
		fputs(d->is_new ? "LowCardinality(String)" : "String", out);
	else if (strcmp(word, "word_or_null") == 0)
		fputs(d->is_new ? "LowCardinality(Nullable(String))" : "Nullable(String)", out);
	else if (strcmp(word, "local") == 0)
		fputs(d->cluster ? "_local" : "", out);
	else if (strcmp(word, "settings") == 0)
		fputs(d->knows_token && !d->replicated
			      ? "SETTINGS non_replicated_deduplication_window = 100"
			      : "",
		      out);
	else if (strcmp(word, "cluster") == 0)
		fprintf(out, "'%s'", d->cluster);
	else if (strcmp(word, "database") == 0)
		fprintf(out, "'%s'", d->database);
	else if (strcmp(word, "keep_days") == 0)
		fprintf(out, "%d", d->keep_days);
	else if (strcmp(word, "keep_totals_days") == 0)
		fprintf(out, "%d", d->keep_totals_days);
	else
		write_engine(d, word, out);
}

static void write_line(const struct dialect *d, const char *line, FILE *out)
{
	const char *comment = strstr(line, "--");
	const char *end = comment ? comment : line + strlen(line);

	while (line < end) {
		const char *at = memchr(line, '@', (size_t)(end - line));
		const char *close = at ? memchr(at + 1, '@', (size_t)(end - at - 1)) : NULL;
		char word[80];

		if (!close) {
			fwrite(line, 1, (size_t)(end - line), out);
			break;
		}
		fwrite(line, 1, (size_t)(at - line), out);
		snprintf(word, sizeof(word), "%.*s", (int)(close - at - 1), at + 1);
		write_word(d, word, out);
		line = close + 1;
	}
	fputc('\n', out);
}

static int render(const struct dialect *d, const char *text, char **out, struct err *err)
{
	char *copy = strdup(text), *rest = copy, *line;
	size_t size;
	FILE *f = copy ? text_open(out, &size) : NULL;
	const char *chosen;

	if (!f) {
		free(copy);
		return err_set(err, -ENOMEM, "no memory for the statements");
	}
	while ((line = strsep(&rest, "\n"))) {
		chosen = choose(d, line);
		if (chosen)
			write_line(d, chosen, f);
	}
	free(copy);
	if (fclose(f) != 0) {
		free(*out);
		return err_set(err, -ENOMEM, "no memory for the statements");
	}
	return 0;
}

static int each_of(char *text, int (*each)(void *ctx, const char *sql, struct err *err), void *ctx,
		   struct err *err)
{
	char *rest = text, *sql;
	int ret = 0;

	while (!ret && (sql = strsep(&rest, ";"))) {
		sql += strspn(sql, " \t\n");
		if (*sql)
			ret = each(ctx, sql, err);
	}
	return ret;
}

int dialect_statements(const struct dialect *d,
		       int (*each)(void *ctx, const char *sql, struct err *err), void *ctx,
		       struct err *err)
{
	int ret = 0;

	for (const struct embed *e = fleet_clickhouse; e->name && !ret; e++) {
		char *text = NULL;

		ret = render(d, e->text, &text, err);
		if (!ret) {
			ret = each_of(text, each, ctx, err);
			free(text);
		}
	}
	return ret;
}
