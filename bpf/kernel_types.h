/*
 * kernel_types.h - the few kernel fields we read, in place of vmlinux.h.
 *
 * Only names and types count. preserve_access_index makes clang record every
 * access by name, and libbpf patches the offset at load time from the running
 * kernel's BTF, so missing members and their order do not matter. This keeps the
 * build free of a BTF-enabled host, and it is the complete list of our
 * dependence on kernel internals. Checked against Linux 5.12 to 6.18.
 */
#ifndef CONNMON_KERNEL_TYPES_H
#define CONNMON_KERNEL_TYPES_H

/* Tells bpf_tracing.h that pt_regs has the names which the kernel itself uses. */
#define __VMLINUX_H__

#include <linux/bpf.h>
#include <linux/types.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct ns_common {
	unsigned int inum;
};

struct net {
	struct ns_common ns;
};

typedef struct {
	struct net *net;
} possible_net_t;

typedef struct {
	__s64 counter;
} atomic64_t;

struct in6_addr {
	union {
		__be32 u6_addr32[4];
	} in6_u;
};

typedef struct {
	int counter;
} atomic_t;

typedef struct {
	atomic_t refs;
} refcount_t;

struct sock_common {
	__be32 skc_daddr;
	__be32 skc_rcv_saddr;
	__be16 skc_dport;
	__u16 skc_num;
	unsigned short skc_family;
	volatile unsigned char skc_state;
	possible_net_t skc_net;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
	unsigned long skc_flags; /* bits of enum sock_flags */
	atomic64_t skc_cookie;	 /* 0: nobody has asked for it */
	refcount_t skc_refcnt;	 /* 0: freed */
};

enum sock_flags {
	SOCK_DONE = 1, /* the peer's FIN was received */
};

struct kernfs_node {
	__u64 id;
};

struct cgroup_root {
	int hierarchy_id;
};

struct cgroup {
	struct kernfs_node *kn;
	struct cgroup_root *root;
};

struct sock_cgroup_data {
	struct cgroup *cgroup; /* since 5.15 */
};

/* owned is 1 exactly while a task holds lock_sock() (include/net/sock.h). */
typedef struct {
	int owned;
} socket_lock_t;

struct socket;

struct sock {
	struct sock_common __sk_common;
	socket_lock_t sk_lock;
	__u16 sk_protocol; /* a field of its own since 5.6 */
	int sk_err;
	__u32 sk_max_ack_backlog; /* not 0: a listener, or accepted from one */
	struct socket *sk_socket;
	struct sock_cgroup_data sk_cgrp_data;
};

/* inet_sport and not skc_num: that one is already 0 when CLOSE is reported. */
struct inet_sock {
	__be16 inet_sport;
};

struct inet_connection_sock {
	struct inet_sock icsk_inet;
	void *icsk_ulp_data;
};

struct minmax_sample {
	__u32 t;
	__u32 v;
};

struct minmax {
	struct minmax_sample s[3];
};

struct tcp_sock {
	struct inet_connection_sock inet_conn;
	__u32 write_seq;      /* behind the last byte the program gave; FIN counts one */
	__u32 snd_una;	      /* the first byte that the peer has not acknowledged */
	__u64 bytes_received; /* counts the peer's FIN as a byte */
	__u64 bytes_sent;     /* payload, retransmitted bytes again; no SYN, no FIN */
	__u64 bytes_retrans;
	__u32 segs_out;	     /* of this connection or attempt */
	__u32 total_retrans; /* segments, SYNs included */
	__u32 srtt_us;	     /* << 3 */
	struct minmax rtt_min;
	__u8 is_mptcp : 1; /* made by a socket of Multipath TCP; with CONFIG_MPTCP only */
};

struct mptcp_subflow_context { /* icsk_ulp_data of such a one */
	__u32 mp_capable : 1,  /* the peer speaks it */
		mp_join : 1;   /* a further path */
	struct sock *conn;     /* the socket above */
};

struct mptcp_sock { /* the socket above them, sk_protocol IPPROTO_MPTCP */
	struct sock *first;
};

typedef struct {
	unsigned int val;
} kuid_t;

struct cred {
	kuid_t uid;
};

struct css_set {
	struct cgroup *dfl_cgrp; /* cgroup v2 */
};

struct qstr {
	const unsigned char *name;
};

struct dentry {
	struct dentry *d_parent;
	struct qstr d_name;
};

struct vfsmount {
	struct dentry *mnt_root;
};

struct mount { /* fs/mount.h */
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
};

struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
};

struct inode {
	unsigned short i_mode;
};

struct file {
	struct path f_path;
	struct inode *f_inode;
	void *private_data; /* of a socket's file: the struct socket */
};

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
};

struct mm_struct {
	struct file *exe_file;
	unsigned long arg_start;
	unsigned long arg_end;
};

struct signal_struct {
	atomic_t live; /* threads that have not begun to exit */
};

struct task_struct {
	unsigned int flags;
	int pid;
	int tgid;
	struct mm_struct *mm;
	struct files_struct *files;
	struct task_struct *real_parent;
	struct task_struct *group_leader;
	__u64 start_boottime;
	const struct cred *cred;
	struct css_set *cgroups;
	struct signal_struct *signal;
	__u64 self_exec_id; /* 64 bits since 5.7 */
	char comm[16];
};

#define PF_EXITING 0x00000004 /* include/linux/sched.h */
#define PF_KTHREAD 0x00200000

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
};

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

struct bpf_iter__task_file {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	struct file *file;
};

struct bpf_iter__tcp {
	struct bpf_iter_meta *meta;
	struct sock_common *sk_common;
};

struct bpf_iter__bpf_map_elem {
	struct bpf_iter_meta *meta;
	void *key;
	void *value;
};

typedef enum {
	SS_UNCONNECTED = 1, /* until connect() has done its part (net/ipv4/af_inet.c) */
} socket_state;

struct socket {
	socket_state state;
	struct file *file;
	struct sock *sk;
};

/* What a kprobe gets; bpf_tracing.h knows where the arguments stand in it. */
struct pt_regs { /* x86 */
	unsigned long di;
};

struct user_pt_regs { /* arm64 */
	__u64 regs[31];
};

#pragma clang attribute pop

#endif
