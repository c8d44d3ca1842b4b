/* memory.h - memory that runs short when it is told to: SQLite's, and our own (the linker puts
 * malloc, calloc, realloc and strdup of our code through here). */
#ifndef CONNMON_FAULT_MEMORY_H
#define CONNMON_FAULT_MEMORY_H

#include <stdbool.h>

/* To be called before anything of SQLite is. */
void memory_install(void);

/* From the @n-th time on that memory is asked for, it is denied @times times. */
void memory_break(unsigned int n, unsigned int times);
void memory_mend(void);

/* Whether it has come to that since memory_break(). */
bool memory_broke(void);

#endif
