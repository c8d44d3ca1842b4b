#include "endpoint.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "functions.h"
#include "param.h"

/* 1 to 65535, without a zero in front, as the filter --port wants it. */
static bool is_port(const char *text)
{
	int64_t port;

	return text[0] != '0' && param_digits(text, strlen(text), 65535, &port);
}

static bool copy(char *to, size_t size, const char *from, size_t len)
{
	if (len >= size)
		return false;
	memcpy(to, from, len);
	to[len] = '\0';
	return true;
}

/* The address, in brackets or not, that is all of the first @len bytes. */
static bool is_address(const char *text, size_t len, struct endpoint *out)
{
	struct network net;

	if (len >= 2 && text[0] == '[' && text[len - 1] == ']') {
		text++;
		len -= 2;
	}
	return copy(out->addr, sizeof(out->addr), text, len) && network_parse(out->addr, &net);
}

static bool is_name(const char *text, size_t len, struct endpoint *out)
{
	struct peer_name name;

	return copy(out->addr, sizeof(out->addr), text, len) && peer_name_parse(out->addr, &name);
}

static bool parse(const char *text, struct endpoint *out)
{
	const char *colon = strrchr(text, ':');

	*out = (struct endpoint){0};
	/* An address of IPv6 alone is read as that, not as one with a port. */
	if (is_address(text, strlen(text), out))
		return true;
	out->addr[0] = '\0'; /* that of the brackets, too */
	if (is_port(text))   /* no address is a number alone */
		return copy(out->port, sizeof(out->port), text, strlen(text));
	if (!colon)
		return is_name(text, strlen(text), out);
	if (!is_port(colon + 1))
		return false;
	copy(out->port, sizeof(out->port), colon + 1, strlen(colon + 1));
	if (colon == text || is_address(text, (size_t)(colon - text), out))
		return true;
	return is_name(text, (size_t)(colon - text), out);
}

int endpoint_parse(const char *text, struct endpoint *out, struct err *err)
{
	if (parse(text, out))
		return 0;
	return err_set(err, -EINVAL,
		       "\"%s\" is no address, no port and no name; write ADDR, PORT or ADDR:PORT, "
		       "as in 10.0.1.10:443 or example.com:443",
		       text);
}
