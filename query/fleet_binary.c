#include "fleet_binary.h"

#include <string.h>

/* Numbers are little-endian there, as we are. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "turn the numbers round");

static bool take_bytes(struct binary *b, void *out, size_t n)
{
	if (b->n < n)
		return false;
	memcpy(out, b->bytes, n);
	b->bytes += n;
	b->n -= n;
	return true;
}

/* LEB128. */
static bool take_length(struct binary *b, size_t *out)
{
	unsigned char byte = 0x80;
	uint64_t n = 0;

	for (int shift = 0; byte & 0x80; shift += 7) {
		if (shift > 56 || !take_bytes(b, &byte, 1))
			return false;
		n |= (uint64_t)(byte & 0x7f) << shift;
	}
	*out = (size_t)n;
	return true;
}

/* So many things of @size bytes each, where they are. */
static bool take_array(struct binary *b, size_t size, struct cell *out)
{
	if (!take_length(b, &out->len) || out->len > b->n / size)
		return false;
	out->text = b->bytes;
	b->bytes += out->len * size;
	b->n -= out->len * size;
	return true;
}

bool binary_cell(struct binary *b, bool text, struct cell *out)
{
	unsigned char is_null;

	*out = (struct cell){0};
	if (!take_bytes(b, &is_null, 1) || is_null > 1)
		return false;
	out->is_null = is_null;
	if (is_null)
		return true;
	if (text)
		return take_array(b, 1, out);
	return take_bytes(b, &out->number, sizeof(out->number));
}

bool binary_list(struct binary *b, struct cell *out)
{
	*out = (struct cell){0};
	if (!take_array(b, sizeof(int64_t), out))
		return false;
	out->is_null = out->len == 0;
	return true;
}
