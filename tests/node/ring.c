#include "ring.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "stage.h"

static void *map(struct ring *r, size_t size, long what)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, what);

	must(p != MAP_FAILED);
	return p;
}

void ring_open(struct ring *r, bool polled)
{
	*r = (struct ring){.polled = polled, .p.flags = polled ? IORING_SETUP_SQPOLL : 0};
	r->fd = (int)syscall(__NR_io_uring_setup, 1, &r->p);
	must(r->fd >= 0);
	r->sq = map(r, r->p.sq_off.array + r->p.sq_entries * sizeof(unsigned), IORING_OFF_SQ_RING);
	r->cq = map(r, r->p.cq_off.cqes + r->p.cq_entries * sizeof(struct io_uring_cqe),
		    IORING_OFF_CQ_RING);
	r->entry = map(r, sizeof(*r->entry), IORING_OFF_SQES);
}

static unsigned *word(char *ring, unsigned offset)
{
	return (unsigned *)(ring + offset);
}

int ring_do(struct ring *r, struct io_uring_sqe entry)
{
	unsigned flags = IORING_ENTER_GETEVENTS | (r->polled ? IORING_ENTER_SQ_WAKEUP : 0);
	unsigned head = *word(r->cq, r->p.cq_off.head);
	struct io_uring_cqe *done = (struct io_uring_cqe *)(r->cq + r->p.cq_off.cqes);

	*r->entry = entry;
	*word(r->sq, r->p.sq_off.array) = 0;
	__atomic_add_fetch(word(r->sq, r->p.sq_off.tail), 1, __ATOMIC_RELEASE);
	while (__atomic_load_n(word(r->cq, r->p.cq_off.tail), __ATOMIC_ACQUIRE) == head)
		must(syscall(__NR_io_uring_enter, r->fd, 1, 1, flags, NULL, 0) >= 0 ||
		     errno == EINTR);
	done += head & *word(r->cq, r->p.cq_off.ring_mask);
	__atomic_store_n(word(r->cq, r->p.cq_off.head), head + 1, __ATOMIC_RELEASE);
	return done->res;
}

void ring_keep(struct ring *r, int fd)
{
	must(syscall(__NR_io_uring_register, r->fd, IORING_REGISTER_FILES, &fd, 1) == 0);
	close(fd);
}

void ring_close(struct ring *r)
{
	close(r->fd);
}
