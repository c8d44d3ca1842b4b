/*
 * caller - one connection, by a program of whatever name its file has: for tests that ask whether
 * each of very many processes gets its own name.
 *
 *   caller UID LOCAL_PORT PEER_PORT [stay]
 *
 * Becomes that user and connects to 127.0.0.1. A LOCAL_PORT of 0: any. Nobody need listen there:
 * then it is an attempt. With "stay" the connection must be accepted, and is held until the
 * standard input ends.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "sockets.h"
#include "stage.h"

int main(int argc, char **argv)
{
	bool stays = argc > 4 && !strcmp(argv[4], "stay");
	struct sockaddr_storage at;
	socklen_t len;
	char byte;
	int fd, ret;

	must(argc >= 4);
	must(setresuid(atoi(argv[1]), atoi(argv[1]), atoi(argv[1])) == 0);
	fd = open_socket("127.0.0.1");
	len = make_address("127.0.0.1", atoi(argv[2]), &at);
	must(bind(fd, (struct sockaddr *)&at, len) == 0);
	ret = try_connect(fd, "127.0.0.1", atoi(argv[3]));
	must(stays ? ret == 0 : ret == ECONNREFUSED);
	if (stays)
		must(read(STDIN_FILENO, &byte, 1) == 0);
	close(fd);
	return 0;
}
