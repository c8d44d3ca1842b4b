#include "alone.h"

#include <stdlib.h>

#define FENCE_PORT  1
#define MAX_OPTIONS 8
#define PARTS	    4 /* one word of a command may have 128 KiB (MAX_ARG_STRLEN) */

/* All ports from @from to @to but ours, as --exclude-port wants them; the caller frees them. */
static char *ports_of_others(int from, int to)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	must(f);
	fprintf(f, "%d", from);
	for (int port = from + 1; port <= to; port++)
		if (port != ALONE_PORT)
			fprintf(f, ",%d", port);
	must(fclose(f) == 0);
	return text;
}

void alone_start(struct node *n, const char *const options[])
{
	const int part = 65536 / PARTS;
	const char *argv[MAX_OPTIONS + 2 * PARTS + 1];
	char *others[PARTS];
	int argc = 0;

	for (; options[argc]; argc++) {
		must(argc < MAX_OPTIONS);
		argv[argc] = options[argc];
	}
	for (int i = 0; i < PARTS; i++) {
		others[i] = ports_of_others(i ? i * part : FENCE_PORT + 1, (i + 1) * part - 1);
		argv[argc++] = "--exclude-port";
		argv[argc++] = others[i];
	}
	argv[argc] = NULL;
	node_start(n, argv);
	for (int i = 0; i < PARTS; i++)
		free(others[i]);
}
