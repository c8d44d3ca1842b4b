#include "log_lines.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "program.h"

#define NS_PER_S  1000000000LL
#define EVERY_S	  30
#define MAX_KINDS 64

int64_t now_ns(void)
{
	struct timespec t;

	must(clock_gettime(CLOCK_BOOTTIME, &t) == 0);
	return t.tv_sec * NS_PER_S + t.tv_nsec;
}

static void remove_digits(char *line)
{
	char *to = line;

	for (; *line; line++)
		if (!isdigit((unsigned char)*line))
			*to++ = *line;
	*to = '\0';
}

void assert_lines_are_rare(struct node *n, int64_t start_ns)
{
	const long most = 1 + (now_ns() - start_ns) / (EVERY_S * NS_PER_S);
	struct {
		const char *line;
		long times;
	} kinds[MAX_KINDS];
	char *words = file_text(n->err_path), *rest = words, *line;
	int n_kinds = 0;

	while ((line = strsep(&rest, "\n"))) {
		int k = 0;

		remove_digits(line);
		while (k < n_kinds && strcmp(kinds[k].line, line) != 0)
			k++;
		if (k == n_kinds) {
			must(n_kinds < MAX_KINDS);
			kinds[n_kinds].line = line;
			kinds[n_kinds++].times = 0;
		}
		if (++kinds[k].times > most)
			fail_msg("said %ld times in %ld s: %s", kinds[k].times,
				 (long)((now_ns() - start_ns) / NS_PER_S), line);
	}
	free(words);
}
