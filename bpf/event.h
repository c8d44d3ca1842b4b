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

enum event_type {
	EVENT_ATTEMPT = 0, /* connect() begins: struct event_connection, only while --print is on */
	EVENT_OPEN = 1,	   /* established: struct event_connection */
	EVENT_END = 2,	   /* over, or failed: struct event_end */
	EVENT_EXEC = 3,	   /* a process runs another program: struct event_exec */
	EVENT_TYPES = 4,
};

enum event_flag {
	EVENT_V4MAPPED = 1,	/* an IPv4 connection over an IPv6 socket */
	EVENT_PREEXISTING = 2,	/* found by the scan, not by its own events */
	EVENT_START_UNSEEN = 4, /* its begin was not met, or could not be kept */
	EVENT_PEER_CLOSED = 8,	/* the peer's FIN came before ours */
};

/* How the last transition happened. */
enum event_how {
	EVENT_BY_TASK = 1,	/* a task that uses the socket did it, not softirq or a timer */
	EVENT_NO_SOCKET = 2,	/* no file leads to the sock: never accepted, or already closed */
	EVENT_IN_CONNECT = 4,	/* connect() itself failed: nothing was waited for */
	EVENT_FIN_RECEIVED = 8, /* the peer's FIN had come */
};

struct event_header {
	__u64 seq;	    /* per CPU; advances also for an event that found no room */
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
	__u32 pid;	     /* thread group id, as the initial pid namespace counts */
	__u32 ppid;
	__u32 uid;
	__u32 zero;
	char comm[EVENT_COMM_LEN]; /* the group leader's; NUL-terminated */
};

struct event_connection {
	struct event_header header;
	__u64 id;	 /* the start in ns since boot, made unique: never used twice in a boot */
	__u64 cookie;	 /* the socket's; several connections may share one */
	__u64 cgroup_id; /* the socket's, cgroup v2; 0 when the kernel keeps none */
	__u64 start_boot_ns;
	__u64 established_boot_ns; /* 0: never */
	__u8 local_addr[16];	   /* network order; IPv4 in the first 4 bytes, the rest zero */
	__u8 peer_addr[16];
	__u32 netns;	   /* inode number */
	__u16 local_port;  /* host order; 0 in EVENT_ATTEMPT: not chosen yet */
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

struct event_exec {
	struct event_header header;
	struct event_owner owner; /* after the exec */
	__u32 path_len;		  /* 0: too long, or not to be had */
	__u8 zero[4];
	char path[EVENT_EXE_LEN]; /* its parts from last to first, each with a NUL */
};

_Static_assert(sizeof(struct event_header) == 24, "no hidden padding");
_Static_assert(sizeof(struct event_owner) == 48, "no hidden padding");
_Static_assert(sizeof(struct event_connection) == 24 + 40 + 32 + 8 + 8 + 48, "no hidden padding");
_Static_assert(sizeof(struct event_exec) == 24 + 48 + 8 + EVENT_EXE_LEN, "no hidden padding");
_Static_assert(sizeof(struct event_end) == 160 + 48 + 16 + 16 + 8, "no hidden padding");

/* One CPU's account, all counted since the programs were loaded. */
struct event_counters {
	__u64 seq;		 /* events that asked for room in the ring */
	__u64 last_id;		 /* the last event_connection.id made here */
	__u64 lost[EVENT_TYPES]; /* of these, the ring was full */
	__u64 table_full;	 /* connections whose state could not be kept */
	__u64 missed_ends;	 /* connections that ended without any program being run */
	__u64 rescued;		 /* transitions that only the second program met */
};

#endif
