#include "proc_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cmdline.h"
#include "decode.h"

/* The name stands in brackets and may hold brackets itself; the parent is the second field
 * behind them, the start the 20th. */
bool proc_stat_read(const char *text, struct proc_stat *out)
{
	const char *name = strchr(text, '('), *end = strrchr(text, ')');

	if (!name || !end || end < name || end - name > COMM_LEN)
		return false;
	memset(out->comm, 0, sizeof(out->comm));
	memcpy(out->comm, name + 1, (size_t)(end - name - 1));
	return sscanf(end + 1,
		      " %*c %" SCNu32
		      " %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s"
		      " %" SCNu64,
		      &out->ppid, &out->start_ticks) == 2;
}

/* A name with a new line in it cannot feign one: the kernel writes it as \n here. */
bool proc_uid_read(const char *text, uint32_t *out)
{
	const char *uid = strstr(text, "\nUid:");

	return uid && sscanf(uid, "\nUid: %" SCNu32, out) == 1;
}

char *proc_cmdline_read(const char *text, size_t len)
{
	/* Who writes a title over its arguments fills up with NULs. */
	while (len > 1 && len <= ARGS_LEN && text[len - 1] == '\0' && text[len - 2] == '\0')
		len--;
	return len > ARGS_LEN ? cmdline_join(text, ARGS_LEN, true) : cmdline_join(text, len, false);
}
