/* For every compiler: feeds a fuzz target with files, those that a fuzzer found worth keeping. */
#include <stdio.h>
#include <stdlib.h>

#include "feed.h"

#define MAX_BYTES (1 << 20)

int main(int argc, char **argv)
{
	uint8_t *data = malloc(MAX_BYTES);

	if (!data || argc < 2) {
		fprintf(stderr, "write: %s FILE...\n", argv[0]);
		return 2;
	}
	for (int i = 1; i < argc; i++) {
		FILE *file = fopen(argv[i], "rb");

		if (!file) {
			perror(argv[i]);
			return 1;
		}
		LLVMFuzzerTestOneInput(data, fread(data, 1, MAX_BYTES, file));
		fclose(file);
	}
	printf("%d files\n", argc - 1);
	free(data);
	return 0;
}
