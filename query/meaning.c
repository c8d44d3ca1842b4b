#include "meaning.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "embed.h"

#define NAME_SIZE 32
#define TEXT_SIZE 512

extern const struct embed schema_migrations[];

struct entry {
	char object[NAME_SIZE];
	char column[NAME_SIZE]; /* "": the object itself; "*": as in another */
	char type[8];		/* "": none is said */
	char text[TEXT_SIZE];	/* "": nothing is said */
};

struct meanings {
	struct entry *entries; /* as they come */
	size_t n, room;
};

/* Where the reader is. */
struct place {
	struct meanings *m;
	char table[NAME_SIZE]; /* in its CREATE TABLE or ALTER TABLE ADD COLUMN; "": in none */
	bool in_column;	       /* what follows may go on about the last entry */
	bool in_slashes;
};

static struct entry *last(const struct meanings *m)
{
	return &m->entries[m->n - 1];
}

static int add(struct meanings *m, const char *object, const char *column, struct err *err)
{
	if (m->n == m->room) {
		size_t room = m->room ? 2 * m->room : 64;
		struct entry *more = realloc(m->entries, room * sizeof(*more));

		if (!more)
			return err_set(err, -ENOMEM, "no memory for the schema");
		m->entries = more;
		m->room = room;
	}
	m->n++;
	*last(m) = (struct entry){0};
	snprintf(last(m)->object, NAME_SIZE, "%s", object);
	snprintf(last(m)->column, NAME_SIZE, "%s", column);
	return 0;
}

/* Goes on with the @len bytes at @text, without the blanks around them. */
static int append(struct entry *e, const char *text, size_t len, struct err *err)
{
	size_t used = strlen(e->text);

	while (len && *text == ' ') {
		text++;
		len--;
	}
	while (len && text[len - 1] == ' ')
		len--;
	if (snprintf(e->text + used, TEXT_SIZE - used, "%s%.*s", used && len ? " " : "", (int)len,
		     text) >= (int)(TEXT_SIZE - used))
		return err_set(err, -EINVAL, "too much is said of %s.%s", e->object, e->column);
	return 0;
}

/* "NAME.COLUMN TYPE text", of which COLUMN and TYPE may be missing. */
static int read_said(struct meanings *m, const char *line, struct err *err)
{
	static const char *const types[] = {"INTEGER", "TEXT", "REAL", "BLOB"};
	char object[NAME_SIZE], column[NAME_SIZE] = "";
	int at = 0;

	if (sscanf(line, "%31[a-z_0-9].%31[a-z_0-9.@*] %n", object, column, &at) != 2 || !at) {
		column[0] = '\0';
		if (sscanf(line, "%31[a-z_0-9] %n", object, &at) != 1 || !at)
			return err_set(err, -EINVAL, "\"--: %s\" is not NAME or NAME.COLUMN", line);
	}
	if (add(m, object, column, err))
		return err->code;
	line += at;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		size_t len = strlen(types[i]);

		if (strncmp(line, types[i], len) != 0 || line[len] != ' ')
			continue;
		snprintf(last(m)->type, sizeof(last(m)->type), "%s", types[i]);
		line += len;
		break;
	}
	return append(last(m), line, strlen(line), err);
}

static int rename_table(struct meanings *m, const char *from, const char *to, struct err *err)
{
	size_t n = m->n;

	for (size_t i = 0; i < n; i++) {
		struct entry copy = m->entries[i];

		if (strcmp(copy.object, from) != 0)
			continue;
		if (add(m, to, copy.column, err))
			return err->code;
		memcpy(last(m)->text, copy.text, sizeof(copy.text));
	}
	return 0;
}

static int read_slashes(struct place *p, const char *text, struct err *err)
{
	const char *end = strstr(text, "*/");
	size_t len = end ? (size_t)(end - text) : strlen(text);

	p->in_slashes = !end;
	return append(last(p->m), text, len, err);
}

/* A line within CREATE TABLE, or the second of ALTER TABLE ADD COLUMN. */
static int read_column(struct place *p, const char *line, struct err *err)
{
	const char *text = line + strspn(line, " ");
	const char *dashes = strstr(line, "-- "), *slashes = strstr(line, "/* ");
	char name[NAME_SIZE], type[NAME_SIZE];

	if (text == dashes)
		return p->in_column ? append(last(p->m), dashes + 3, strlen(dashes + 3), err) : 0;
	p->in_column = sscanf(text, "%31[a-z_0-9] %31[A-Z]", name, type) == 2;
	if (!p->in_column)
		return 0;
	if (add(p->m, p->table, name, err))
		return err->code;
	if (slashes)
		return read_slashes(p, slashes + 3, err);
	return dashes ? append(last(p->m), dashes + 3, strlen(dashes + 3), err) : 0;
}

static int read_line(struct place *p, const char *line, struct err *err)
{
	char from[NAME_SIZE], to[NAME_SIZE];
	int at = 0;

	if (!strncmp(line, "--:  ", 5) && p->m->n)
		return append(last(p->m), line + 5, strlen(line + 5), err);
	if (!strncmp(line, "--: ", 4))
		return read_said(p->m, line + 4, err);
	if (p->in_slashes)
		return read_slashes(p, line, err);
	if (p->table[0] && line[0] == ' ')
		return read_column(p, line, err);
	p->table[0] = '\0';
	p->in_column = false;
	if (sscanf(line, "ALTER TABLE %31[a-z_0-9] RENAME TO %31[a-z_0-9]", from, to) == 2)
		return rename_table(p->m, from, to, err);
	if ((sscanf(line, "CREATE TABLE %31[a-z_0-9] (%n", from, &at) == 1 && at) ||
	    (sscanf(line, "ALTER TABLE %31[a-z_0-9] ADD COLUMN%n", from, &at) == 1 && at))
		memcpy(p->table, from, sizeof(p->table));
	return 0;
}

static int read_text(struct meanings *m, const char *text, struct err *err)
{
	struct place p = {.m = m};
	char line[1024];
	int ret = 0;

	while (*text && !ret) {
		size_t len = strcspn(text, "\n");

		snprintf(line, sizeof(line), "%.*s", (int)len, text);
		ret = read_line(&p, line, err);
		text += len + (text[len] == '\n');
	}
	return ret;
}

int meanings_read(struct meanings **out, struct err *err)
{
	AUTO_MEANINGS *m = calloc(1, sizeof(*m));

	if (!m)
		return err_set(err, -ENOMEM, "no memory for the schema");
	for (const struct embed *f = schema_migrations; f->name; f++)
		if (read_text(m, f->text, err))
			return err_wrap(err, "migrations/%s.sql", f->name);
	*out = m;
	m = NULL;
	return 0;
}

/* The last one that says something, or that says a type. */
static const struct entry *find(const struct meanings *m, const char *object, const char *column,
				bool type)
{
	for (size_t i = m->n; i-- > 0;) {
		const struct entry *e = &m->entries[i];

		if (!strcmp(e->object, object) && !strcmp(e->column, column) &&
		    (type ? e->type[0] : e->text[0]))
			return e;
	}
	return NULL;
}

static const struct entry *find_as(const struct meanings *m, const char *object, const char *column,
				   bool type)
{
	const struct entry *e = find(m, object, column, type);

	/* Three steps: last_hour as connections as ended_connections. */
	for (int steps = 0; !e && column[0] && steps < 3; steps++) {
		const struct entry *as = find(m, object, "*", false);

		if (!as || strncmp(as->text, "as ", 3) != 0)
			break;
		object = as->text + 3;
		e = find(m, object, column, type);
	}
	return e;
}

const char *meaning_of(const struct meanings *m, const char *object, const char *column)
{
	const struct entry *e = find_as(m, object, column ? column : "", false);

	return e ? e->text : NULL;
}

const char *meaning_type(const struct meanings *m, const char *object, const char *column)
{
	const struct entry *e = find_as(m, object, column, true);

	return e ? e->type : NULL;
}

const char *meaning_unit(const char *name)
{
	static const struct {
		const char *ending, *unit;
	} units[] = {{"_us", "us"},	  {"_us_sum", "us"},  {"_us_max", "us"},
		     {"_bytes", "bytes"}, {"_hour", "hours"}, {"_at", "RFC 3339, UTC"}};
	size_t len = strlen(name);

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		size_t n = strlen(units[i].ending);

		if (len > n && !strcmp(name + len - n, units[i].ending))
			return units[i].unit;
	}
	return "";
}

void meanings_free(struct meanings *m)
{
	if (!m)
		return;
	free(m->entries);
	free(m);
}

void meanings_freep(struct meanings **m)
{
	meanings_free(*m);
}
