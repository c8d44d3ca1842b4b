/*
 * escape.h - text that other processes control, made safe to keep and to show.
 *
 * A process may call itself anything: escape sequences, newlines, bidirectional
 * overrides, bytes that are no UTF-8. Such text is escaped before it is stored,
 * so that plain sqlite3 may print it, and made visible once more before it
 * reaches a terminal, since a database may come from anywhere.
 *
 * What counts as unsafe: C0 and C1 control characters, DEL, every byte that is
 * not part of valid UTF-8, and the characters that are invisible or change the
 * direction of the text around them (U+200B-200F, U+2028-202E, U+2060-2069,
 * U+FEFF, U+061C).
 */
#ifndef CONNMON_ESCAPE_H
#define CONNMON_ESCAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes that the escaped form of @len bytes may need, its NUL included. */
#define ESCAPED_SIZE(len) ((len)*4 + 1)

/*
 * Writes the escaped form of @len bytes at @text to @out, NUL-terminated: each
 * byte of something unsafe as \xNN (two lower-case hex digits), a backslash as
 * two. So the original bytes can always be had back with escape_undo(). When
 * @size is less than ESCAPED_SIZE(len) the result is cut between two characters.
 * Returns the length of the result.
 */
size_t escape_text(const char *text, size_t len, char *out, size_t size);

/* The same for text that was escaped when it was stored: backslashes stay
 * single, so that nothing is escaped twice. */
size_t escape_stored(const char *text, size_t len, char *out, size_t size);

/* The length in bytes of the character at the begin of the @len (at least 1) bytes
 * at @text, its code point into *@point; 0 when there is no valid UTF-8. */
size_t escape_next(const char *text, size_t len, uint32_t *point);

/* Whether this character is one to hide. */
bool escape_is_unsafe(uint32_t point);

/* The bytes behind an escaped text of @len bytes, into @out (at least @len
 * bytes; not NUL-terminated). Returns how many. */
size_t escape_undo(const char *text, size_t len, char *out);

#endif
