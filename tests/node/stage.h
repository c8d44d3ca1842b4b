/*
 * stage.h - traffic whose truth is known: a network namespace for each test, and
 * actors (forked processes with names of their own) who make real connections in it.
 *
 * Everything here works or ends the process that called it with a line that says
 * where: a test must not go on with traffic it did not make. An actor that ends so
 * is seen by actor_wait().
 */
#ifndef CONNMON_STAGE_H
#define CONNMON_STAGE_H

#include <semaphore.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>
#include <unistd.h>

#define SERVER_PORT 4711 /* free in every new namespace */

#define must(condition)                                                                            \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: %s (errno: %m)\n", __FILE__, __LINE__,             \
				#condition);                                                       \
			_exit(1);                                                                  \
		}                                                                                  \
	} while (0)

/* What the actors of one test and the test itself share; all zero at first. */
struct scene {
	const char *addr; /* where the server listens and the client connects to */
	int port;	  /* of the server: SERVER_PORT at first */
	long request;	  /* payload bytes from client to server */
	long reply;	  /* payload bytes from server to client */
	bool server_closes_first;
	long n_connections; /* for parts that make many */

	sem_t cues[4];	    /* see cue_give() */
	int client_port;    /* what the client's socket was bound to */
	int client_port2;   /* the same of its second connection */
	int error;	    /* errno of the connect() that was to fail */
	pid_t helper;	    /* a process that an actor forked */
	int stage;	    /* the namespace of an actor who has one of its own */
	struct scene *next; /* for a part that directs several scenes */
};

enum { CUE_LISTENING, CUE_CONNECTED, CUE_GO, CUE_DONE };

/* Network namespaces, by a descriptor that keeps them. While one is kept, no other
 * gets its inode number; afterwards the next one does. */
int stage_new(void);	  /* makes one with lo up, and moves this process into it */
int stage_here(void);	  /* that of this process */
void stage_enter(int fd); /* moves this process */
ino_t stage_number(int fd);

/* Mounts tracefs, which not every machine does, for this process and its children
 * alone. */
void stage_tracefs(void);

struct scene *scene_new(const char *addr);
void scene_free(struct scene *s);

void cue_give(struct scene *s, int cue);
void cue_wait(struct scene *s, int cue); /* at most a minute */

/* Forks an actor who calls itself @name, plays @part and ends with exit code 0. */
pid_t actor_start(const char *name, void (*part)(struct scene *), struct scene *s);
void actor_wait(pid_t pid); /* it must have ended well */
void actor_kill(pid_t pid); /* SIGKILL, and waits */

/* ---- the namespace ---- */
void port_range(int from, int to);    /* of the ports that connect() chooses from */
void wait_for_state(const char *hex); /* until /proc/net/tcp shows a socket in it */
/* Until none there has a connection: the last ACK may come after the process has gone. */
void wait_for_ends(void);
long retransmitted(void);      /* segments sent again, as the kernel counts */
void run(const char *command); /* by the shell; must succeed */

/* Two namespaces and a link. This process gets the end "near", 10.77.0.1, the
 * namespace @far the end "far", which a process there brings up by link_far() as
 * 10.77.0.2. Then each knows the other's hardware address by heart. */
void link_near(int far);
void link_far(void);
/* From here on nothing from near reaches far, or it does again. */
void link_cut(void);
void link_mend(void);

/* Adds 10.77.0.1/24 and fd77::1/64 on a link where .2 and ::2 never answer. */
void silent_link(void);

#endif
