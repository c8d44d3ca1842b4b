/*
 * confine.h - the collector, once all is open and attached, gives up what it needs no more: its
 * user, its capabilities, most files, most system calls.
 */
#ifndef CONNMON_CONFINE_H
#define CONNMON_CONFINE_H

#include "err.h"
#include "note.h"
#include "options.h"

/* For good. @note is told what the user should know about that, each thing in one line. What this
 * kernel does not have is gone without. */
int confine(const struct options *options, const struct note *note, struct err *err);

#endif
