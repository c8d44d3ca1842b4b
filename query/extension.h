/*
 * extension.h - put before all else (-include) in the sources of connmon.so, so that they
 * call the SQLite that loads them, and not one of their own.
 */
#ifndef CONNMON_EXTENSION_H
#define CONNMON_EXTENSION_H

#include <sqlite3ext.h>

SQLITE_EXTENSION_INIT3

#endif
