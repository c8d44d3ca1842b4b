#include "rss.h"

#include <stdlib.h>
#include <string.h>

#include "program.h"
#include "stage.h"

static long field_kib(const char *status, const char *name)
{
	const char *at = strstr(status, name);

	must(at);
	return strtol(at + strlen(name), NULL, 10);
}

struct rss rss_of(pid_t pid)
{
	char path[64], *status;
	struct rss r;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	status = file_text(path);
	r.all_kib = field_kib(status, "\nVmRSS:");
	r.own_kib = field_kib(status, "\nRssAnon:");
	r.mapped_kib = field_kib(status, "\nRssFile:") + field_kib(status, "\nRssShmem:");
	r.most_kib = field_kib(status, "\nVmHWM:");
	free(status);
	return r;
}

void rss_tell(const char *when, struct rss r)
{
	printf("%-44s RSS %ld KiB: own %ld, mapped %ld; at most %ld\n", when, r.all_kib, r.own_kib,
	       r.mapped_kib, r.most_kib);
	fflush(stdout);
}
