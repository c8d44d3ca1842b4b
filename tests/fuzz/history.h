/* history.h - the invented history of the golden tests, in a folder of its own that is removed at
 * the end of the program. */
#ifndef CONNMON_FUZZ_HISTORY_H
#define CONNMON_FUZZ_HISTORY_H

#include <stddef.h>
#include <stdint.h>

struct bytes {
	uint8_t *at;
	size_t len;
};

/* The folder, made when it is first asked for. */
const char *history_folder(void);

/* The file in it that is asked about: a file there may or may not be. */
const char *history_path(void);

/* Makes that file, with pages of @page_bytes. As the collector leaves it, but for its -wal. */
void history_make(int page_bytes);

/* Makes @bytes that file; and nothing else is in the folder then. */
void history_write(struct bytes bytes);

/* What is in that file. The caller frees it. */
struct bytes history_read(void);

/* That file has these bytes still, its -wal none, and nothing else is in the folder. */
void history_must_be(struct bytes bytes);

#endif
