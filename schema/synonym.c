#include "synonym.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

/* Of ss, nfdump, tcpdump, Zeek, journalctl and everyday speech. */
static const struct {
	const char *theirs, *ours;
} words[] = {
	{"addr", "peer"},	{"address", "peer"},	 {"cidr", "peer"},
	{"daddr", "peer"},	{"dest", "peer"},	 {"destination", "peer"},
	{"dst", "peer"},	{"host", "peer"},	 {"ip", "peer"},
	{"net", "peer"},	{"network", "peer"},	 {"remote", "peer"},
	{"saddr", "peer"},	{"src", "peer"},	 {"cmd", "comm"},
	{"command", "comm"},	{"name", "comm"},	 {"proc", "comm"},
	{"process", "comm"},	{"program", "comm"},	 {"path", "exe"},
	{"user", "uid"},	{"username", "uid"},	 {"dport", "port"},
	{"service", "port"},	{"sport", "port"},	 {"state", "outcome"},
	{"status", "outcome"},	{"errors", "failed"},	 {"failures", "failed"},
	{"after", "since"},	{"begin", "since"},	 {"from", "since"},
	{"start", "since"},	{"before", "until"},	 {"end", "until"},
	{"to", "until"},	{"count", "limit"},	 {"head", "limit"},
	{"lines", "limit"},	{"max", "limit"},	 {"output", "format"},
	{"csv", "format"},	{"json", "format"},	 {"group", "by"},
	{"group-by", "by"},	{"order", "sort"},	 {"order-by", "sort"},
	{"where", "having"},	{"database", "db"},	 {"silent", "quiet"},
	{"namespace", "netns"}, {"inbound", "in"},	 {"incoming", "in"},
	{"ingress", "in"},	{"egress", "out"},	 {"outbound", "out"},
	{"outgoing", "out"},	{"connections", "list"}, {"conns", "list"},
	{"ls", "list"},		{"active", "open"},	 {"established", "open"},
	{"live", "open"},	{"netstat", "open"},	 {"ss", "open"},
	{"errors", "failures"}, {"failed", "failures"},	 {"drops", "gaps"},
	{"holes", "gaps"},	{"losses", "gaps"},	 {"query", "sql"},
	{"select", "sql"},	{"tables", "schema"},
};

bool synonym_of(const char *theirs, const char *ours)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcasecmp(words[i].theirs, theirs) && !strcmp(words[i].ours, ours))
			return true;
	return false;
}
