/* Values of options, and quantities, as anybody may write them. The first line says of which
 * type or column: a name of param.h, or what begins with a _. */
#include <math.h>

#include "feed.h"
#include "human.h"
#include "must.h"
#include "param.h"
#include "quantity.h"
#include "timespec.h"

#define NOW_US INT64_C(1769860800000000)

static bool is_list(const char *text, bool (*fits)(const char *word, size_t len))
{
	for (const char *p = text;; p++) {
		const size_t len = strcspn(p, ",");

		if (!fits(p, len))
			return false;
		p += len;
		if (*p == '\0')
			return true;
	}
}

static bool is_port(const char *word, size_t len)
{
	int64_t n = 0;

	for (size_t i = 0; i < len; i++) {
		if (word[i] < '0' || word[i] > '9')
			return false;
		n = n * 10 + (word[i] - '0');
		if (n > 65535)
			return false;
	}
	return len > 0;
}

static bool is_outcome(const char *word, size_t len)
{
	for (int i = 0; param_outcomes[i]; i++)
		if (strlen(param_outcomes[i]) == len && !memcmp(param_outcomes[i], word, len))
			return true;
	return false;
}

static void must_fit(const char *type, const char *text, const struct param_value *v)
{
	must(!v->is_null);
	must(!v->text || v->text == text);
	if (!strcmp(type, "ports"))
		must(is_list(text, is_port));
	if (!strcmp(type, "outcomes"))
		must(is_list(text, is_outcome));
	if (!strcmp(type, "direction"))
		must(!strcmp(text, "in") || !strcmp(text, "out"));
	if (!strcmp(type, "limit"))
		must(v->number == -1 || v->number > 0);
	else if (!v->text)
		must(v->number >= 0);
	if (!strcmp(type, "time"))
		must(v->from_boot == !strcmp(text, "boot") && timespec_is_moment(v->number));
	if (!strcmp(type, "netns") || !strcmp(type, "user"))
		must(v->number <= UINT32_MAX);
}

static void check_param(const char *type, const char *text)
{
	const struct param_type *t = param_type_find(type);
	struct param_value v = {0};
	struct err err = {0};

	if (!t)
		return;
	if (t->parse(text, NOW_US, &v, &err))
		must(err.code < 0 && err.msg[0]);
	else
		must_fit(type, text, &v);
}

/* What is understood is a number, of the sign that it has, and no greater than its digits allow:
 * 18 of them, with a unit of a week in microseconds or of a tebibyte at most. */
static void check_quantity(const char *name, const char *text)
{
	char bare[64];
	double n, again;

	if (!quantity_parse(text, name, &n))
		return;
	must(strpbrk(text, "0123456789"));
	must(isfinite(n) && fabs(n) <= 1e18 * 1099511627776.0);
	must(n == 0 || (n < 0) == (text[0] == '-'));
	/* Without a unit it is in that of the column, and so the same again. */
	snprintf(bare, sizeof(bare), "%.0f", n);
	if (n == floor(n) && strlen(bare) <= 18)
		must(quantity_parse(bare, name, &again) && again == n);
}

/* What the tables show of a number can be asked for: it is cut, not rounded. */
static void check_shown(int64_t bytes)
{
	static const char units[] = "KMGT";
	char shown[HUMAN_SIZE];
	const char *unit;
	double n, tenth = 1;

	human_bytes(bytes, shown, sizeof(shown));
	unit = strchr(units, shown[strlen(shown) - 1]);
	if (bytes >= 1024 && !unit)
		return; /* one that nobody asks for */
	if (bytes >= 1024)
		tenth = pow(1024, (double)(unit - units + 1)) / 10;
	must(quantity_parse(shown, "tx_bytes", &n));
	must(n < (double)bytes + 1 && n + tenth > (double)bytes - 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = must_text(data, size), *value = strchr(text, '\n');
	int64_t bytes = 0;

	memcpy(&bytes, data, size < 8 ? size : 8);
	check_shown(bytes < 0 ? -(bytes + 1) : bytes);
	for (int bits = 1; bits < 63; bits++) /* just below a unit */
		check_shown((INT64_C(1) << bits) - 1);
	if (value) {
		*value++ = '\0';
		/* So that memory ends where the value does. */
		value = must_text((uint8_t *)value, strlen(value));
		check_param(text, value);
		check_quantity(text, value);
		free(value);
	}
	free(text);
	return 0;
}
