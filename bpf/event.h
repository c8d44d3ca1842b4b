/*
 * event.h - what connmon.bpf.c sends and the collector receives.
 *
 * The only header both sides include. It may hold nothing but fixed-width
 * fields, ordered widest first, with no hidden padding: it would carry stale
 * kernel bytes to user space.
 *
 * Changing it needs no version number: both sides are built together and the
 * BPF object is embedded in the collector. decode.c still checks the sizes.
 */
#ifndef CONNMON_EVENT_H
#define CONNMON_EVENT_H

#include <linux/types.h>

#define EVENT_COMM_LEN 16 /* TASK_COMM_LEN, its NUL included */
#define EVENT_EXE_LEN  512
#define EVENT_ARGS_LEN 512
#define EVENT_PATH_LEN 512

enum event_type {
	EVENT_ATTEMPT = 0, /* connect() begins: struct event_connection, only while --print is on */
	EVENT_OPEN = 1,	   /* established: struct event_connection */
	EVENT_END = 2,	   /* over, or failed: struct event_end */
	EVENT_OWNER = 3,   /* who accepted an open connection, or holds it: struct event_owned */
	EVENT_LISTEN = 4,  /* a socket listens, or no longer: struct event_listen */
	EVENT_EXEC = 5,	   /* a process runs another program: struct event_exec */
	EVENT_EXIT = 6,	   /* a process is over: struct event_exit */
	EVENT_CGROUP = 7,  /* a cgroup was made or removed: struct event_cgroup */
	EVENT_TYPES = 8,

	/* Never in the ring: what an iterator tells of an open connection, a struct event_end
	 * whose old_state is the state it is in. */
	EVENT_PROGRESS = EVENT_TYPES,
};

enum event_flag {
	EVENT_V4MAPPED = 1,	/* an IPv4 connection over an IPv6 socket */
	EVENT_PREEXISTING = 2,	/* found by the scan, not by its own events */
	EVENT_START_UNSEEN = 4, /* its begin was not met, or could not be kept */
	EVENT_PEER_CLOSED = 8,	/* the peer's FIN came before ours */
	EVENT_MPTCP = 16,	/* a path of a Multipath TCP connection */
};

/* How the last transition happened. */
enum event_how {
	EVENT_BY_TASK = 1,	/* a task that uses the socket did it, not softirq or a timer */
	EVENT_NO_SOCKET = 2,	/* no file leads to the sock: never accepted, or already closed */
	EVENT_IN_CONNECT = 4,	/* connect() itself failed: nothing was waited for */
	EVENT_FIN_RECEIVED = 8, /* the peer's FIN had come */
	EVENT_EARLY = 16, /* connect() failed before any state: socket_error is what it returned */
	EVENT_ALL_ACKED = 32, /* the peer has acknowledged all payload */
	/* It was not met: the socket is found gone. The other bits, and socket_error, which the
	 * program may have taken, are of a later moment. */
	EVENT_UNSEEN = 64,
};

struct event_header {
	__u64 seq;	    /* per CPU and type; advances also for an event that found no room */
	__u64 time_boot_ns; /* CLOCK_BOOTTIME */
	__u32 cpu;
	__u16 size; /* of the whole event, bytes */
	__u8 type;  /* enum event_type */
	__u8 zero;
};

/* A process (thread group). All zero: unknown. */
struct event_owner {
	__u64 start_boot_ns; /* with pid, the only name that is never used twice */
	__u64 cgroup_id;     /* of the process, cgroup v2 */
	__u64 parent_start_boot_ns;
	__u32 pid; /* thread group id, as the initial pid namespace counts */
	__u32 ppid;
	__u32 uid;
	__u32 exec_id; /* one more with each exec; a fork has its parent's. 0: a kernel thread */
	char comm[EVENT_COMM_LEN];   /* the group leader's; NUL-terminated */
	char thread[EVENT_COMM_LEN]; /* of the thread that acted; likewise */
};

struct event_connection {
	struct event_header header;
	__u64 id;	 /* the start in ns since boot, made unique: never used twice in a boot */
	__u64 cookie;	 /* the socket's; several connections may share one */
	__u64 cgroup_id; /* the socket's, cgroup v2; 0 when the kernel keeps none */
	__u64 start_boot_ns;
	__u64 established_boot_ns; /* 0: never */
	__u64 accepted_boot_ns;	   /* 0: never, or not asked for */
	__u8 local_addr[16];	   /* network order; IPv4 in the first 4 bytes, the rest zero */
	__u8 peer_addr[16];
	__u32 netns;	   /* inode number */
	__u16 local_port;  /* host order; 0: not chosen yet, as in most of EVENT_ATTEMPT */
	__u16 peer_port;   /* host order */
	__u8 family;	   /* 4 or 6 */
	__u8 inbound;	   /* 0: this node connected, 1: it accepted */
	__u8 owner_source; /* enum owner_source of schema/history.h */
	__u8 flags;	   /* enum event_flag */
	__u32 zero;
	struct event_owner owner;
};

struct event_end {
	struct event_connection connection; /* header.time_boot_ns is the end */
	struct event_owner closer;
	__u64 tx_bytes; /* payload, each byte once */
	__u64 rx_bytes; /* payload */
	__u32 retransmits;
	__u32 srtt_us;
	__u32 min_rtt_us;   /* 0xffffffff: none measured */
	__u32 socket_error; /* sk_err at the end; errno */
	__u8 old_state;	    /* BPF_TCP_* before CLOSE */
	__u8 how;	    /* enum event_how */
	__u8 zero[6];
};

struct event_owned {
	struct event_header header;
	__u64 id;		/* of the connection */
	__u64 accepted_boot_ns; /* 0: not known */
	__u8 owner_source;	/* enum owner_source: OWNER_ACCEPT, OWNER_KERNEL or OWNER_SCAN */
	__u8 zero[7];
	struct event_owner owner;
};

struct event_listen {
	struct event_header header;
	__u64 cookie;
	__u64 cgroup_id; /* the socket's */
	__u8 addr[16];	 /* as in event_connection */
	__u32 netns;
	__u16 port;
	__u8 family;
	__u8 up; /* 1: begins, 0: ends */
	struct event_owner owner;
};

struct event_exec {
	struct event_header header; /* time_boot_ns is 0 when the scan found it */
	struct event_owner owner;   /* after the exec */
	struct event_owner parent;  /* all zero: none */
	__u32 path_len;		    /* 0: too long, or not to be had */
	__u32 args_len;		    /* of all; no more than EVENT_ARGS_LEN of them are here */
	char path[EVENT_EXE_LEN];   /* its parts from last to first, each with a NUL */
	char args[EVENT_ARGS_LEN];  /* each with a NUL; only with --cmdline, else the event ends
				     * before */
};

struct event_exit {
	struct event_header header;
	__u64 start_boot_ns;
	__u32 pid;
	__u32 zero;
};

struct event_cgroup {
	struct event_header header;
	__u64 id;
	__u32 up;		   /* 1: made, 0: removed */
	__u32 path_len;		   /* without its NUL; 0: too long, or not to be had */
	char path[EVENT_PATH_LEN]; /* below the mount */
};

_Static_assert(sizeof(struct event_header) == 24, "no hidden padding");
_Static_assert(sizeof(struct event_owner) == 72, "no hidden padding");
_Static_assert(sizeof(struct event_connection) == 24 + 48 + 32 + 8 + 8 + 72, "no hidden padding");
_Static_assert(sizeof(struct event_end) == 192 + 72 + 16 + 16 + 8, "no hidden padding");
_Static_assert(sizeof(struct event_owned) == 24 + 24 + 72, "no hidden padding");
_Static_assert(sizeof(struct event_listen) == 24 + 16 + 16 + 8 + 72, "no hidden padding");
_Static_assert(sizeof(struct event_exec) == 24 + 72 + 72 + 8 + EVENT_EXE_LEN + EVENT_ARGS_LEN,
	       "no hidden padding");
_Static_assert(sizeof(struct event_exit) == 24 + 16, "no hidden padding");
_Static_assert(sizeof(struct event_cgroup) == 24 + 16 + EVENT_PATH_LEN, "no hidden padding");

/* One CPU's account, all counted since the programs were loaded. */
struct event_counters {
	__u64 seq[EVENT_TYPES];	 /* events that asked for room in the ring */
	__u64 last_id;		 /* the last event_connection.id made here */
	__u64 lost[EVENT_TYPES]; /* of these, the ring was full */
	__u64 table_full;	 /* connections whose state could not be kept */
	__u64 listeners_full;	 /* listeners that could not be kept */
	__u64 filtered;		 /* connections left out because we were told to */
	__u64 missed_ends;	 /* connections that ended without any program being run */
	__u64 rescued;		 /* transitions that only the second program met */
	__u64 in_connect_full;	 /* calls of connect() that could not be watched */
};

/* What found no room. */
enum event_loss_kind {
	EVENT_LOSS_RING = 1,  /* an END in the ring */
	EVENT_LOSS_TABLE = 2, /* a connection in the table */
};

/* Of one user, since the programs were loaded. */
struct event_loss {
	__u64 who;   /* enum event_loss_kind << 32 | uid; 0: nobody yet */
	__u64 count; /* whose owner was known */
};

#define EVENT_LOSSES 64 /* a power of two */

struct event_losses {
	struct event_loss place[EVENT_LOSSES];
};

#endif
