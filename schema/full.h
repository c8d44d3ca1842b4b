/*
 * full.h - why a file takes no more: the disk is full, or a quota is used up. SQLite tells only the
 * first of them from a failing disk (unixWrite() in its os_unix.c asks for ENOSPC), so both are
 * shown to it as that, and which it was is kept here for those who say it.
 */
#ifndef CONNMON_FULL_H
#define CONNMON_FULL_H

#define FULL_DISK  "the disk is full; free some space"
#define FULL_QUOTA "the disk quota is used up; free some space, or raise it"

/* From now on for all that SQLite writes in this process. */
void full_watch(void);

/* One of the above, of what SQLite could not write last. */
const char *full_words(void);

#endif
