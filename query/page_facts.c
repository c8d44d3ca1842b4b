#include "page_facts.h"

#include <ctype.h>
#include <stdarg.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#include "remark.h"

/* Whether nothing but the shell's plain characters are in it. */
static bool is_plain(const char *word)
{
	return word[0] && !word[strspn(word, "abcdefghijklmnopqrstuvwxyz"
					     "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_=+.,:/@%")];
}

static void put_word(FILE *f, const char *word)
{
	if (is_plain(word)) {
		fputs(word, f);
		return;
	}
	putc('\'', f);
	for (; *word; word++)
		fputs(*word == '\'' ? "'\\''" : (char[]){*word, '\0'}, f);
	putc('\'', f);
}

/* Of a fleet's URL what may be shown: not who asks, with which password. */
static void put_url(FILE *f, const char *option, const char *url)
{
	const char *scheme = strstr(url, "://"), *user_end = strrchr(url, '@');
	char word[1024];

	if (scheme && user_end && user_end > scheme)
		snprintf(word, sizeof(word), "%s%.*s%s", option, (int)(scheme + 3 - url), url,
			 user_end + 1);
	else
		snprintf(word, sizeof(word), "%s%s", option, url);
	put_word(f, word);
}

/* As one would type it, but for a password. */
static void fill_question(struct page_facts *out, const struct request *q)
{
	static const char option[] = "--fleet", with_url[] = "--fleet=";
	FILE *f = fmemopen(out->question, sizeof(out->question) - 1, "w");

	if (!f)
		return;
	fputs("connmon-query", f);
	for (int i = 1; i < q->argc; i++) {
		putc(' ', f);
		if (!strncmp(q->argv[i], with_url, strlen(with_url)))
			put_url(f, with_url, q->argv[i] + strlen(with_url));
		else if (!strcmp(q->argv[i - 1], option))
			put_url(f, "", q->argv[i]);
		else
			put_word(f, q->argv[i]);
	}
	fclose(f);
	out->page.question = out->question;
}

/* Which clock the moments are of, as who reads the page may live by another. */
static void put_zone(FILE *f, const struct request *q, int64_t us)
{
	const time_t s = (time_t)(us / US_PER_S);
	char zone[32] = "";
	struct tm tm;

	if (q->utc || !localtime_r(&s, &tm))
		return; /* a Z tells */
	strftime(zone, sizeof(zone), " %Z (UTC%z)", &tm);
	fputs(zone, f);
}

static void note_gaps(struct page_facts *out, const struct request *q, const struct coverage *c)
{
	char gaps[sizeof(out->texts[0])] = "";
	FILE *f = fmemopen(gaps, sizeof(gaps) - 1, "w");

	if (!f)
		return;
	remark_tell_gaps(f, q, c);
	fclose(f);
	if (gaps[0])
		page_facts_note(out, "Connections may be missing: %s", gaps + strlen(", "));
}

static void fill_window(struct page_facts *out, const struct request *q, const struct coverage *c)
{
	bool whole = coverage_is_whole(c, q->args.since_us, q->args.until_us);
	FILE *f = fmemopen(out->window, sizeof(out->window) - 1, "w");

	if (!f)
		return;
	remark_tell_window(f, q);
	put_zone(f, q, q->args.until_us);
	if (q->report->filtered && whole)
		remark_tell_gaps(f, q, c);
	fclose(f);
	out->page.window = out->window;
	if (q->report->filtered && !whole)
		note_gaps(out, q, c);
}

static void fill_made(struct page_facts *out, const struct request *q, const struct coverage *c)
{
	FILE *f = fmemopen(out->made, sizeof(out->made) - 1, "w");
	char moment[TIMESPEC_SIZE];

	if (!f)
		return;
	fputs(timespec_format_s(q->now_us, request_style(q), moment), f);
	put_zone(f, q, q->now_us);
	if (c)
		remark_tell_freshness(f, q, c);
	fclose(f);
	out->page.made = out->made;
}

/* Of this node, if it is its history: nothing in it tells the name. */
static void fill_node(struct page_facts *out, const struct coverage *c)
{
	FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");
	char boot_id[sizeof(c->boot_id)] = "";
	struct utsname name;

	if (!f)
		return;
	if (fgets(boot_id, sizeof(boot_id), f))
		boot_id[strcspn(boot_id, "\n")] = '\0';
	fclose(f);
	if (!boot_id[0] || strcmp(boot_id, c->boot_id) != 0 || uname(&name))
		return;
	snprintf(out->node, sizeof(out->node), "%s", name.nodename);
	out->page.node = out->node;
}

static const char *title_of(const struct request *q)
{
	if (q->report)
		return q->report->title;
	if (q->command && (q->command->traits & ASKS_SQL))
		return "Rows of a SELECT";
	return q->command ? q->command->help : "connmon-query";
}

void page_facts_fill(struct page_facts *out, const struct request *q,
		     const struct coverage *coverage)
{
	*out = (struct page_facts){0};
	snprintf(out->title, sizeof(out->title), "%s", title_of(q));
	out->title[0] = (char)toupper((unsigned char)out->title[0]);
	out->page.title = out->title;
	out->page.notes = out->notes;
	fill_question(out, q);
	fill_made(out, q, coverage);
	if (!coverage)
		return;
	fill_node(out, coverage);
	fill_window(out, q, coverage);
}

void page_facts_note(struct page_facts *out, const char *format, ...)
{
	char *text;
	va_list args;

	if (out->n_notes == PAGE_NOTES_MAX)
		return;
	text = out->texts[out->n_notes];
	va_start(args, format);
	vsnprintf(text, sizeof(out->texts[0]), format, args);
	va_end(args);
	text[0] = (char)toupper((unsigned char)text[0]);
	out->notes[out->n_notes++] = text;
}
