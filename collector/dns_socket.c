#include "dns_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"

/* A block holds the largest packet: 64 KiB when the kernel has put segments together. */
#define BLOCK_BYTES (128u << 10)
#define BLOCKS	    16
#define RING_BYTES  ((size_t)BLOCK_BYTES * BLOCKS)
#define FRAME_BYTES 2048 /* asked for, and without meaning in version 3 */

#define LOOPBACK_IFINDEX 1 /* include/net/flow.h: that of lo, in each namespace */

struct dns_socket {
	int fd;
	uint8_t *ring;
	unsigned int block; /* the one that comes next */
	uint64_t dropped;
};

/*
 * In classic BPF (Documentation/networking/filter.rst). Of a SOCK_DGRAM socket it sees a packet
 * from its IP header on. A jump goes so many instructions further: labels are for the reader.
 */
#define PORT		53
#define ANCILLARY(what) (uint32_t)(SKF_AD_OFF + SKF_AD_##what)

static struct sock_filter program[] = {
	/* On lo each packet goes out and comes in. */
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ANCILLARY(PKTTYPE)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PACKET_OUTGOING, 0, 2),
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ANCILLARY(IFINDEX)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, LOOPBACK_IFINDEX, 30, 0), /* -> drop */
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ANCILLARY(PROTOCOL)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IPV6, 9, 0), /* -> IPv6 */
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IP, 0, 27),  /* else -> drop */

	/* 7: IPv4: UDP or TCP, the first fragment, its source port. */
	BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 9),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 1, 0),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_TCP, 0, 24), /* else -> drop */
	BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 6),
	BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x1fff, 22, 0), /* -> drop */
	BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),
	BPF_STMT(BPF_LD | BPF_H | BPF_IND, 0),
	BPF_JUMP(BPF_JMP | BPF_JA, 17, 0, 0), /* -> is it the port? */

	/* 15: IPv6: X is where the header of UDP or TCP begins, A its number. One header between
	 * is looked over, a fragment's among them: no answer to a query has more. */
	BPF_STMT(BPF_LDX | BPF_W | BPF_IMM, 40),
	BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 6),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_FRAGMENT, 6, 0), /* -> fragment */
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_HOPOPTS, 1, 0),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_DSTOPTS, 0, 9), /* else -> UDP or TCP? */
	BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 41), /* of 8 bytes, the first apart */
	BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, 3),
	BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, 48),
	BPF_JUMP(BPF_JMP | BPF_JA, 3, 0, 0),
	/* 24: fragment */
	BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 42),
	BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0xfff8, 8, 0), /* -> drop */
	BPF_STMT(BPF_LD | BPF_W | BPF_IMM, 48),
	/* 27 */
	BPF_STMT(BPF_MISC | BPF_TAX, 0),
	BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 40),
	/* 29: UDP or TCP? */
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 1, 0),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_TCP, 0, 3), /* else -> drop */
	BPF_STMT(BPF_LD | BPF_H | BPF_IND, 0),
	/* 32: is it the port? */
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PORT, 0, 1),
	BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
	/* 34: drop */
	BPF_STMT(BPF_RET | BPF_K, 0),
};

static int set(const struct dns_socket *s, int level, int name, const void *value, socklen_t len)
{
	return setsockopt(s->fd, level, name, value, len);
}

/* What came in before the filter was there is in no ring: that is made after it. */
static int prepare(struct dns_socket *s)
{
	const struct sock_fprog filter = {sizeof(program) / sizeof(program[0]), program};
	const int version = TPACKET_V3;
	const struct tpacket_req3 ring = {
		.tp_block_size = BLOCK_BYTES,
		.tp_block_nr = BLOCKS,
		.tp_frame_size = FRAME_BYTES,
		.tp_frame_nr = RING_BYTES / FRAME_BYTES,
		.tp_retire_blk_tov = DNS_BLOCK_MS,
	};
	const struct sockaddr_ll all = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
	const struct tpacket_req3 none = {0};
	void *mapped;

	/* One that was lent and used before has a ring still, if its user was killed. */
	set(s, SOL_PACKET, PACKET_RX_RING, &none, sizeof(none));
	if (set(s, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)) ||
	    set(s, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)) ||
	    set(s, SOL_PACKET, PACKET_RX_RING, &ring, sizeof(ring)))
		return -errno;
	mapped = mmap(NULL, RING_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, s->fd, 0);
	if (mapped == MAP_FAILED)
		return -errno;
	s->ring = mapped;
	return bind(s->fd, (const struct sockaddr *)&all, sizeof(all)) ? -errno : 0;
}

/* Protocol 0: nothing comes in until it is bound. */
int dns_socket_make(void)
{
	int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return fd < 0 ? -errno : fd;
}

int dns_socket_open(int given, struct dns_socket **out, struct err *err)
{
	struct dns_socket *s = calloc(1, sizeof(*s));
	int ret;

	if (!s)
		return err_set(err, -ENOMEM, "no memory for a packet socket");
	s->fd = given >= 0 ? given : dns_socket_make();
	ret = s->fd < 0 ? s->fd : prepare(s);
	if (ret) {
		dns_socket_free(s);
		if (ret == -EPERM)
			return err_set(err, ret, "a packet socket needs root or CAP_NET_RAW");
		return err_set(err, ret, "opening a packet socket: %s", strerror(-ret));
	}
	*out = s;
	return 0;
}

void dns_socket_free(struct dns_socket *s)
{
	if (!s)
		return;
	if (s->ring)
		munmap(s->ring, RING_BYTES);
	if (s->fd >= 0)
		close(s->fd);
	free(s);
}

int dns_socket_fd(const struct dns_socket *s)
{
	return s->fd;
}

static struct tpacket_block_desc *next_block(const struct dns_socket *s)
{
	return (struct tpacket_block_desc *)(s->ring + (size_t)s->block * BLOCK_BYTES);
}

static bool is_ours(struct tpacket_block_desc *block)
{
	return __atomic_load_n(&block->hdr.bh1.block_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER;
}

int dns_socket_read(struct dns_socket *s,
		    void (*each)(void *ctx, const uint8_t *packet, size_t len, size_t wire_len,
				 int64_t wall_ns),
		    void *ctx)
{
	struct tpacket_block_desc *block = next_block(s);
	const uint8_t *at;

	if (!is_ours(block))
		return 0;
	at = (const uint8_t *)block + block->hdr.bh1.offset_to_first_pkt;
	for (uint32_t i = 0; i < block->hdr.bh1.num_pkts; i++) {
		const struct tpacket3_hdr *h = (const void *)at;

		each(ctx, at + h->tp_net, h->tp_snaplen, h->tp_len,
		     h->tp_sec * NS_PER_S + h->tp_nsec);
		at += h->tp_next_offset;
	}
	__atomic_store_n(&block->hdr.bh1.block_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
	s->block = (s->block + 1) % BLOCKS;
	return 1;
}

bool dns_socket_await(struct dns_socket *s)
{
	struct tpacket_block_desc *block = next_block(s);
	struct pollfd ready = {.fd = s->fd, .events = POLLIN};

	if (!is_ours(block) && __atomic_load_n(&block->hdr.bh1.num_pkts, __ATOMIC_RELAXED))
		poll(&ready, 1, 2 * DNS_BLOCK_MS);
	return is_ours(block);
}

uint64_t dns_socket_dropped(struct dns_socket *s)
{
	struct tpacket_stats_v3 since_last = {0};
	socklen_t len = sizeof(since_last);

	if (getsockopt(s->fd, SOL_PACKET, PACKET_STATISTICS, &since_last, &len) == 0)
		s->dropped += since_last.tp_drops;
	return s->dropped;
}
