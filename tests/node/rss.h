/* rss.h - how much memory a program holds, of what the kernel tells of it. */
#ifndef CONNMON_RSS_H
#define CONNMON_RSS_H

#include <sys/types.h>

struct rss {
	long all_kib;	 /* VmRSS: the ring and the program's file, too */
	long own_kib;	 /* RssAnon: what it has allocated */
	long mapped_kib; /* the rest; of it the ring counts as often as it is mapped: twice */
	long most_kib;	 /* VmHWM: the most of all_kib so far */
};

struct rss rss_of(pid_t pid);
void rss_tell(const char *when, struct rss r); /* a line on standard output */

#endif
