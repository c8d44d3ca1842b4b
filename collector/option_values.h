/*
 * option_values.h - the words behind the options of connmon-collect -> values. Pure.
 *
 * Each returns 0, or -EINVAL with what is wrong with @text and what to write instead; what was to
 * be filled in is then of no use.
 */
#ifndef CONNMON_OPTION_VALUES_H
#define CONNMON_OPTION_VALUES_H

#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "probe.h"

/* "90s", "1.5s", "200ms", "15m", "1h", "7d", "2w" into nanoseconds: from 1ms to a century. */
int parse_duration(const char *text, int64_t *ns, struct err *err);
int parse_flush(const char *text, int64_t *ns, struct err *err);   /* 100ms to 60s */
int parse_refresh(const char *text, int64_t *ns, struct err *err); /* 1s to 1h */
int parse_retain(const char *text, int64_t *ns, struct err *err);  /* 1h or more; 0: without end */

/* "4096", "64K", "16M", "1G" into bytes. */
int parse_size(const char *text, size_t *bytes, struct err *err);
int parse_ring(const char *text, size_t *bytes, struct err *err); /* a power of two, 64K to 1G */
int parse_max_size(const char *text, uint64_t *bytes, struct err *err); /* 64M or more; 0: none */
int parse_max_open(const char *text, uint32_t *n, struct err *err);	/* 100 to 16M */

/* "9100,22": sets their bits of the 65536. */
int parse_ports(const char *text, uint8_t *ports, struct err *err);

/* One of a few words. */
int parse_direction(const char *text, struct filter *f, struct err *err);
int parse_hook(const char *text, enum hook *hook, struct err *err);
int parse_accept(const char *text, enum accept_mode *mode, struct err *err);

/* Whether that may be the path of a file of metrics. */
int parse_metrics(const char *text, struct err *err);

#endif
