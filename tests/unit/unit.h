/* unit.h - what every cmocka test includes, in the order cmocka wants it. */
#ifndef CONNMON_UNIT_H
#define CONNMON_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
