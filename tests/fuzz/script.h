/* script.h - the bytes of a fuzzer read as a script: what to do, and with what. Behind its end
 * all is zero. */
#ifndef CONNMON_SCRIPT_H
#define CONNMON_SCRIPT_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "feed.h"

struct script {
	const uint8_t *at;
	size_t left;
};

static inline uint8_t script_byte(struct script *s)
{
	if (s->left == 0)
		return 0;
	s->left--;
	return *s->at++;
}

static inline uint32_t script_number(struct script *s, int bytes)
{
	uint32_t n = 0;

	while (bytes-- > 0)
		n = n << 8 | script_byte(s);
	return n;
}

static inline void script_fill(struct script *s, void *to, size_t len)
{
	const size_t n = len < s->left ? len : s->left;

	memset(to, 0, len);
	if (n)
		memcpy(to, s->at, n);
	s->at += n;
	s->left -= n;
}

/* The next @len bytes, or what is left, with a NUL behind them, in memory that ends there.
 * *@got of them; free() it. */
static inline char *script_text(struct script *s, size_t len, size_t *got)
{
	char *text;

	*got = len < s->left ? len : s->left;
	text = malloc(*got + 1);
	must(text);
	script_fill(s, text, *got);
	text[*got] = '\0';
	return text;
}

/* What is left as text: a byte from 0x80 on stands for one of the @n @words, so that whole words
 * come and go at once. As script_text(). */
static inline char *script_words(struct script *s, const char *const *words, size_t n, size_t *got)
{
	char *text;
	size_t len = 0;

	for (size_t i = 0; i < s->left; i++)
		len += s->at[i] < 0x80 ? 1 : strlen(words[(s->at[i] - 0x80) % n]);
	text = malloc(len + 1);
	must(text);
	len = 0;
	for (; s->left; s->at++, s->left--) {
		const char *word = words[(*s->at >= 0x80 ? *s->at - 0x80 : 0) % n];

		if (*s->at < 0x80) {
			text[len++] = (char)*s->at;
		} else {
			memcpy(text + len, word, strlen(word));
			len += strlen(word);
		}
	}
	text[len] = '\0';
	*got = len;
	return text;
}

#endif
