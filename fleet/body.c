#include "body.h"

#include <errno.h>
#include <libdeflate.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEVEL	     1		  /* zlib's 3 takes four times as long, and a tenth more room */
#define MEMBER_BYTES (256u << 10) /* of text, in a member of the gzip file */
#define FIRST_BYTES  (64u << 10)
#define NUMBER_BYTES 20 /* of the longest: -9223372036854775808 */
#define MOST_COLUMNS 64
#define MOST_ESCAPED 2 /* bytes that stand for one */
#define FNV_PRIME    UINT64_C(0x100000001b3)

struct buffer {
	unsigned char *bytes;
	size_t size, room;
};

struct body {
	struct libdeflate_compressor *deflate;
	struct buffer gzip, text; /* text: what is not in gzip yet */
	size_t text_bytes;	  /* in gzip */
	size_t member_bytes;	  /* of text, in the greatest member */
	int64_t rows;
	uint64_t print;
	bool is_counted[MOST_COLUMNS]; /* the column is part of the print */
};

int body_new(struct body **out, struct err *err)
{
	struct body *b = calloc(1, sizeof(*b));

	if (b)
		b->deflate = libdeflate_alloc_compressor(LEVEL);
	if (!b || !b->deflate) {
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
	libdeflate_free_compressor(b->deflate);
	free(b->gzip.bytes);
	free(b->text.bytes);
	free(b);
}

void body_clear(struct body *b)
{
	b->gzip.size = b->text.size = 0;
	b->text_bytes = b->member_bytes = 0;
	b->rows = 0;
	b->print = 0;
}

/* Makes room for @n more bytes. */
static int reserve(struct buffer *b, size_t n)
{
	size_t room = b->room ? b->room : FIRST_BYTES;
	unsigned char *bytes;

	if (n <= b->room - b->size)
		return 0;
	while (room - b->size < n)
		room *= 2;
	bytes = realloc(b->bytes, room);
	if (!bytes)
		return -ENOMEM;
	b->bytes = bytes;
	b->room = room;
	return 0;
}

/* What waits in text becomes a member of the gzip file. */
static int squeeze(struct body *b)
{
	size_t n = b->text.size;

	if (n == 0)
		return 0;
	if (reserve(&b->gzip, libdeflate_gzip_compress_bound(b->deflate, n)))
		return -ENOMEM;
	b->gzip.size +=
		libdeflate_gzip_compress(b->deflate, b->text.bytes, n, b->gzip.bytes + b->gzip.size,
					 b->gzip.room - b->gzip.size);
	b->member_bytes = n > b->member_bytes ? n : b->member_bytes;
	b->text_bytes += n;
	b->text.size = 0;
	return 0;
}

/* ---- cells ---- */

/* How a character is written behind a backslash, 0: as it is. */
static const char escaped[256] = {
	['\0'] = '0', ['\b'] = 'b', ['\f'] = 'f',  ['\n'] = 'n',
	['\r'] = 'r', ['\t'] = 't', ['\\'] = '\\',
};

static int put_text(struct buffer *out, const unsigned char *text, size_t n)
{
	unsigned char *to;

	if (reserve(out, MOST_ESCAPED * n))
		return -ENOMEM;
	to = out->bytes + out->size;
	for (size_t i = 0; i < n; i++) {
		const char instead = escaped[text[i]];

		if (instead)
			*to++ = '\\';
		*to++ = instead ? (unsigned char)instead : text[i];
	}
	out->size = (size_t)(to - out->bytes);
	return 0;
}

static int put_number(struct buffer *out, int64_t number)
{
	uint64_t left = number < 0 ? -(uint64_t)number : (uint64_t)number;
	unsigned char digits[NUMBER_BYTES];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (unsigned char)('0' + left % 10);
		left /= 10;
	} while (left);
	if (number < 0)
		digits[--at] = '-';
	if (reserve(out, sizeof(digits) - at))
		return -ENOMEM;
	memcpy(out->bytes + out->size, digits + at, sizeof(digits) - at);
	out->size += sizeof(digits) - at;
	return 0;
}

static int put_byte(struct buffer *out, char byte)
{
	if (reserve(out, 1))
		return -ENOMEM;
	out->bytes[out->size++] = (unsigned char)byte;
	return 0;
}

static int put_cell(struct buffer *out, sqlite3_value *value)
{
	const unsigned char *text;

	switch (sqlite3_value_type(value)) {
	case SQLITE_NULL:
		return put_byte(out, '\\') ? -ENOMEM : put_byte(out, 'N');
	case SQLITE_INTEGER:
		return put_number(out, sqlite3_value_int64(value));
	default:
		text = sqlite3_value_text(value);
		return text ? put_text(out, text, (size_t)sqlite3_value_bytes(value)) : -ENOMEM;
	}
}

/* ---- rows ---- */

/* When it was sent, and what a living run alone changes. */
static bool is_restless(const char *column)
{
	static const char *const all[] = {"sent_us", "last_commit_us", "seen", "recorded"};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (strcmp(column, all[i]) == 0)
			return true;
	return false;
}

static void know_columns(struct body *b, sqlite3_stmt *stmt)
{
	const int n = sqlite3_column_count(stmt);

	for (int i = 0; i < n && i < MOST_COLUMNS; i++)
		b->is_counted[i] = !is_restless(sqlite3_column_name(stmt, i));
}

/* FNV-1a */
static uint64_t print_of(uint64_t print, const unsigned char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		print = (print ^ bytes[i]) * FNV_PRIME;
	return print;
}

static int put_row(struct body *b, sqlite3_stmt *stmt, bool is_printed)
{
	const int n = sqlite3_column_count(stmt);
	struct buffer *out = &b->text;

	for (int i = 0; i < n; i++) {
		const size_t from = out->size;

		if (put_cell(out, sqlite3_column_value(stmt, i)) ||
		    put_byte(out, i < n - 1 ? '\t' : '\n'))
			return -ENOMEM;
		if (is_printed && (i >= MOST_COLUMNS || b->is_counted[i]))
			b->print = print_of(b->print, out->bytes + from, out->size - from);
	}
	return out->size >= MEMBER_BYTES ? squeeze(b) : 0;
}

static int add(struct body *b, sqlite3_stmt *stmt, bool is_printed, struct err *err)
{
	if (put_row(b, stmt, is_printed))
		return err_set(err, -ENOMEM, "no memory for a batch");
	b->rows++;
	return 0;
}

int body_add(struct body *b, sqlite3_stmt *stmt, struct err *err)
{
	return add(b, stmt, false, err);
}

int body_add_printed(struct body *b, sqlite3_stmt *stmt, struct err *err)
{
	if (b->rows == 0)
		know_columns(b, stmt);
	return add(b, stmt, true, err);
}

int body_end(struct body *b, const unsigned char **gzip, size_t *size, struct err *err)
{
	if (squeeze(b))
		return err_set(err, -ENOMEM, "no memory for a batch");
	*gzip = b->gzip.bytes;
	*size = b->gzip.size;
	return 0;
}

/* ---- a part ---- */

/* Of @n bytes, which begin in row *@row, those of rows @first to @last. */
static int put_rows(struct body *out, const unsigned char *text, size_t n, int64_t *row,
		    int64_t first, int64_t last)
{
	while (n > 0) {
		const unsigned char *end = memchr(text, '\n', n);
		size_t len = end ? (size_t)(end + 1 - text) : n;

		if (*row >= first && *row <= last) {
			if (reserve(&out->text, len))
				return -ENOMEM;
			memcpy(out->text.bytes + out->text.size, text, len);
			out->text.size += len;
		}
		*row += end != NULL;
		text += len;
		n -= len;
	}
	return out->text.size >= MEMBER_BYTES ? squeeze(out) : 0;
}

static int put_members(const struct body *b, struct libdeflate_decompressor *inflate,
		       unsigned char *text, struct body *out, int64_t first, int64_t last)
{
	int64_t row = 0;
	int ret = 0;

	for (size_t at = 0, in, n; at < b->gzip.size && !ret; at += in) {
		if (libdeflate_gzip_decompress_ex(inflate, b->gzip.bytes + at, b->gzip.size - at,
						  text, b->member_bytes, &in,
						  &n) != LIBDEFLATE_SUCCESS)
			return -ENOMEM;
		ret = put_rows(out, text, n, &row, first, last);
	}
	return ret;
}

int body_part(const struct body *b, int64_t first, int64_t n, struct body *out, struct err *err)
{
	struct libdeflate_decompressor *inflate = libdeflate_alloc_decompressor();
	unsigned char *text = malloc(b->member_bytes + 1);
	int ret = -ENOMEM;

	body_clear(out);
	out->rows = n;
	if (inflate && text)
		ret = put_members(b, inflate, text, out, first, first + n - 1);
	libdeflate_free_decompressor(inflate);
	free(text);
	return ret ? err_set(err, ret, "no memory for a part of a batch") : 0;
}

int64_t body_rows(const struct body *b)
{
	return b->rows;
}

size_t body_text_bytes(const struct body *b)
{
	return b->text_bytes + b->text.size;
}

uint64_t body_row_print(const struct body *b)
{
	size_t n = b->text.size;

	while (n > 0 && b->text.bytes[n - 1] != '\t')
		n--;
	return print_of(1, b->text.bytes, n);
}

uint64_t body_print(const struct body *b)
{
	return b->print;
}
