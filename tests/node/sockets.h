/* sockets.h - socket calls that work or end the process; see must() in stage.h. */
#ifndef CONNMON_SOCKETS_H
#define CONNMON_SOCKETS_H

#include <sys/socket.h>
#include <unistd.h>

/* Into @out; returns its length. A link-local address names its device: fe80::1%near. */
socklen_t make_address(const char *addr, int port, struct sockaddr_storage *out);
int listen_at(const char *addr, int port);
int open_socket(const char *addr);		     /* of @addr's family */
int try_connect(int fd, const char *addr, int port); /* 0 or errno */
int dial(const char *addr, int port);
int accept_one(int listener);
int local_port(int fd);
void send_bytes(int fd, long n);
void receive_bytes(int fd, long n);
void set_option(int fd, int level, int name, int value);
void wait_for_end(int fd);   /* reads the peer's FIN, and no byte before it */
void reset_on_close(int fd); /* SO_LINGER 0 */

/* Files from process to process, over a pair of connected sockets. */
void make_channel(int ends[2]);
void pass_on(int channel, int fd); /* and closes it here */
int take_over(int channel);

#endif
