/*
 * The rules follow Linux 5.12 to 6.18: tcp_reset(), tcp_write_err(),
 * tcp_disconnect(), tcp_abort(), inet_child_forget(), tcp_v4_connect() and
 * tcp_v4_err() in net/ipv4. In all of them sk_err is set before the state goes to
 * CLOSE if a peer, a timer or an administrator caused it, and after it or never
 * if the program did. One case looks like the peer's reset and is ours: data that
 * arrives after close() but before the peer has acknowledged our FIN.
 */
#include "verdict.h"

#include <errno.h>
#include <netinet/tcp.h>

static enum outcome failed_attempt(const struct ending *e, int *error)
{
	if (e->early && e->error == EADDRNOTAVAIL)
		return OUTCOME_NO_PORT; /* bound to an address that is not ours, or none free */
	if (e->early && e->error == EINVAL)
		return OUTCOME_UNREACHABLE; /* a blackhole route (fib_props[] in fib_semantics.c) */
	/* Before anything was sent: nearly always no local port was free, or the one
	 * that bind() chose is taken for this peer. sk_err may be that of an earlier
	 * attempt. */
	if (e->in_connect) {
		*error = EADDRNOTAVAIL;
		return OUTCOME_NO_PORT;
	}
	switch (e->error) {
	case ECONNREFUSED:
		return OUTCOME_REFUSED;
	case ETIMEDOUT:
		return OUTCOME_TIMEOUT;
	case EHOSTUNREACH: /* ICMP errors, see icmp_err_convert[] */
	case ENETUNREACH:
	case EHOSTDOWN:
	case ENONET:
	case ENOPROTOOPT:
	case ENETDOWN:
		return OUTCOME_UNREACHABLE;
	case EACCES:
	case EPERM:
		return OUTCOME_DENIED;
	case ECONNABORTED:
		return OUTCOME_KILLED;
	case 0:
		return OUTCOME_CANCELLED;
	default:
		return OUTCOME_ERROR;
	}
}

static enum outcome established(const struct ending *e, int *error)
{
	switch (e->error) {
	case ECONNRESET:
	case EPIPE: /* a reset after the peer's FIN */
		/* Both sides had closed and nothing was left to lose: RFC 9293, 3.10.7.4,
		 * calls that an end, and signals a reset only in the states before. */
		if ((e->old_state == TCP_LAST_ACK || e->old_state == TCP_CLOSING) && e->all_acked) {
			*error = 0;
			return OUTCOME_CLOSED;
		}
		return OUTCOME_RESET_BY_PEER;
	case ETIMEDOUT:
	case EHOSTUNREACH: /* what ICMP had said before the time was up */
	case ENETUNREACH:
	case EHOSTDOWN:
	case ENONET:
	case ENOPROTOOPT:
	case ENETDOWN:
		return OUTCOME_TIMED_OUT;
	case ECONNABORTED:
		return OUTCOME_KILLED;
	case 0:
		break;
	default:
		return OUTCOME_ENDED_BY_ERROR;
	}
	switch (e->old_state) {
	case TCP_ESTABLISHED:
	case TCP_CLOSE_WAIT:
	case TCP_SYN_RECV: /* Fast Open */
		if (!e->by_task && e->no_socket && e->inbound)
			return OUTCOME_NEVER_ACCEPTED;
		return OUTCOME_RESET_BY_US;
	case TCP_FIN_WAIT1:
		/* Closed, then given up: unread data or no memory for orphans. */
		return OUTCOME_RESET_BY_US;
	case TCP_FIN_WAIT2:
		/* shutdown(), then an abort: close() takes the file away only after it,
		 * but before it waits in good order for the peer's FIN. */
		return e->by_task && !e->no_socket && !e->fin_received ? OUTCOME_RESET_BY_US
								       : OUTCOME_CLOSED;
	default:
		return OUTCOME_CLOSED;
	}
}

/* What went in good order was all but over before. */
static bool can_have_been_anything(const struct ending *e)
{
	if (!e->unseen || e->error)
		return false;
	switch (e->old_state) {
	case TCP_SYN_SENT:
	case TCP_SYN_RECV:
	case TCP_ESTABLISHED:
	case TCP_CLOSE_WAIT:
	case TCP_FIN_WAIT1:
		return true;
	default:
		return false;
	}
}

enum outcome verdict(const struct ending *ending, int *error)
{
	*error = ending->error;
	if (can_have_been_anything(ending))
		return OUTCOME_LOST;
	/* From SYN_RECV too, when both sides connect at once. */
	if (ending->early || ending->old_state == TCP_SYN_SENT ||
	    (ending->old_state == TCP_SYN_RECV && !ending->inbound))
		return failed_attempt(ending, error);
	return established(ending, error);
}
