/* help.h - --help, made from the tables of options, commands and reports. */
#ifndef CONNMON_HELP_H
#define CONNMON_HELP_H

#include <stdio.h>

#include "request.h"

/* Of the report or command that @q is about, else of the whole program. */
void help_print(FILE *out, const struct request *q);

#endif
