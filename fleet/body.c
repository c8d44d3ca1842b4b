#include "body.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define GZIP	    (16 + MAX_WBITS) /* of deflateInit2(): with a gzip header, whose time is 0 */
#define LEVEL	    3		     /* 5 takes twice the time for a tenth less */
#define MEM_LEVEL   8
#define FIRST_BYTES (64 << 10)
#define TEXT_BYTES  (16 << 10) /* given to zlib at once */

struct body {
	z_stream z;
	unsigned char *gzip;
	size_t size, room;
	char text[TEXT_BYTES];
	size_t in_text, text_bytes;
	int64_t rows;
	uint64_t print;
	bool is_counted; /* the cell is part of the print */
};

int body_new(struct body **out, struct err *err)
{
	struct body *b = calloc(1, sizeof(*b));

	if (!b ||
	    deflateInit2(&b->z, LEVEL, Z_DEFLATED, GZIP, MEM_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK) {
		free(b);
		return err_set(err, -ENOMEM, "no memory for a batch");
	}
	*out = b;
	return 0;
}

void body_free(struct body *b)
{
	if (!b)
		return;
	deflateEnd(&b->z);
	free(b->gzip);
	free(b);
}

void body_clear(struct body *b)
{
	deflateReset(&b->z);
	b->size = b->in_text = b->text_bytes = 0;
	b->rows = 0;
	b->print = 0;
}

static int grow(struct body *b)
{
	size_t room = b->room ? b->room * 2 : FIRST_BYTES;
	unsigned char *gzip = realloc(b->gzip, room);

	if (!gzip)
		return -ENOMEM;
	b->gzip = gzip;
	b->room = room;
	return 0;
}

/* Gives zlib what waits in text; with Z_FINISH, all that zlib holds back comes out. */
static int squeeze(struct body *b, int flush)
{
	int rc;

	b->z.next_in = (unsigned char *)b->text;
	b->z.avail_in = (unsigned)b->in_text;
	b->text_bytes += b->in_text;
	b->in_text = 0;
	do {
		if (b->size == b->room && grow(b))
			return -ENOMEM;
		b->z.next_out = b->gzip + b->size;
		b->z.avail_out = (unsigned)(b->room - b->size);
		rc = deflate(&b->z, flush);
		b->size = b->room - b->z.avail_out;
	} while (flush == Z_FINISH ? rc != Z_STREAM_END : b->z.avail_out == 0);
	return 0;
}

static int put(struct body *b, const char *bytes, size_t n)
{
	/* FNV-1a */
	for (size_t i = 0; i < n && b->is_counted; i++)
		b->print = (b->print ^ (unsigned char)bytes[i]) * UINT64_C(0x100000001b3);
	while (n > 0) {
		size_t part = TEXT_BYTES - b->in_text < n ? TEXT_BYTES - b->in_text : n;

		memcpy(b->text + b->in_text, bytes, part);
		b->in_text += part;
		bytes += part;
		n -= part;
		if (b->in_text == TEXT_BYTES && squeeze(b, Z_NO_FLUSH))
			return -ENOMEM;
	}
	return 0;
}

/* How the character is written, NULL: as it is. */
static const char *escaped(char c)
{
	switch (c) {
	case '\0':
		return "\\0";
	case '\b':
		return "\\b";
	case '\f':
		return "\\f";
	case '\n':
		return "\\n";
	case '\r':
		return "\\r";
	case '\t':
		return "\\t";
	case '\\':
		return "\\\\";
	default:
		return NULL;
	}
}

static int put_text(struct body *b, const char *text, size_t n)
{
	int ret = 0;

	for (size_t from = 0, at = 0; at <= n && !ret; at++) {
		const char *instead = at < n ? escaped(text[at]) : "";

		if (!instead)
			continue;
		ret = put(b, text + from, at - from);
		if (!ret)
			ret = put(b, instead, strlen(instead));
		from = at + 1;
	}
	return ret;
}

static int put_cell(struct body *b, sqlite3_stmt *stmt, int column)
{
	char number[24];
	const char *text;

	switch (sqlite3_column_type(stmt, column)) {
	case SQLITE_NULL:
		return put(b, "\\N", 2);
	case SQLITE_INTEGER:
		return put(b, number,
			   (size_t)snprintf(number, sizeof(number), "%" PRId64,
					    (int64_t)sqlite3_column_int64(stmt, column)));
	default:
		text = (const char *)sqlite3_column_text(stmt, column);
		return text ? put_text(b, text, (size_t)sqlite3_column_bytes(stmt, column))
			    : -ENOMEM;
	}
}

/* When it was sent, and what a living run alone changes. */
static bool is_restless(const char *column)
{
	static const char *const all[] = {"sent_us", "last_commit_us", "seen", "recorded"};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (strcmp(column, all[i]) == 0)
			return true;
	return false;
}

int body_add(struct body *b, sqlite3_stmt *stmt, struct err *err)
{
	int n = sqlite3_column_count(stmt), ret = 0;

	for (int i = 0; i < n && !ret; i++) {
		b->is_counted = !is_restless(sqlite3_column_name(stmt, i));
		ret = put_cell(b, stmt, i);
		if (!ret)
			ret = put(b, i < n - 1 ? "\t" : "\n", 1);
	}
	b->rows++;
	return ret ? err_set(err, ret, "no memory for a batch") : 0;
}

int body_end(struct body *b, const unsigned char **gzip, size_t *size, struct err *err)
{
	int ret = squeeze(b, Z_FINISH);

	if (ret)
		return err_set(err, ret, "no memory for a batch");
	*gzip = b->gzip;
	*size = b->size;
	return 0;
}

/* Of @n bytes, which begin in row *@row, those of rows @first to @last. */
static int put_rows(struct body *out, const char *text, size_t n, int64_t *row, int64_t first,
		    int64_t last)
{
	int ret = 0;

	while (n > 0 && !ret) {
		const char *end = memchr(text, '\n', n);
		size_t len = end ? (size_t)(end + 1 - text) : n;

		if (*row >= first && *row <= last)
			ret = put(out, text, len);
		*row += end != NULL;
		text += len;
		n -= len;
	}
	return ret;
}

int body_part(const struct body *b, int64_t first, int64_t n, struct body *out, struct err *err)
{
	z_stream z = {.next_in = b->gzip, .avail_in = (unsigned)b->size};
	char text[TEXT_BYTES];
	int64_t row = 0;
	int rc = Z_OK, ret = 0;

	body_clear(out);
	out->is_counted = false;
	out->rows = n;
	if (inflateInit2(&z, GZIP) != Z_OK)
		return err_set(err, -ENOMEM, "no memory for a part of a batch");
	while (!ret && rc == Z_OK) {
		z.next_out = (unsigned char *)text;
		z.avail_out = sizeof(text);
		rc = inflate(&z, Z_NO_FLUSH);
		ret = put_rows(out, text, sizeof(text) - z.avail_out, &row, first, first + n - 1);
	}
	inflateEnd(&z);
	if (ret || rc != Z_STREAM_END)
		return err_set(err, -ENOMEM, "no memory for a part of a batch");
	return 0;
}

int64_t body_rows(const struct body *b)
{
	return b->rows;
}

size_t body_text_bytes(const struct body *b)
{
	return b->text_bytes + b->in_text;
}

uint64_t body_print(const struct body *b)
{
	return b->print;
}
