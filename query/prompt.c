#include "prompt.h"

#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "ask.h"
#include "command.h"
#include "prompt_line.h"
#include "prompt_words.h"
#include "output.h"
#include "remark.h"
#include "suggest.h"
#include "watch.h"

#define STATEMENT_MAX 100000

/* What has been typed of a statement, and how its rows are shown. */
struct prompt {
	struct request *q; /* a copy, whose format may be changed */
	char *text;	   /* NULL: nothing yet */
	bool quit;
};

static int show_help(struct prompt *p, const char *word, struct err *err)
{
	(void)p, (void)word, (void)err;
	puts("A statement ends with a semicolon and may take several lines.\n"
	     ".help          this\n"
	     ".tables        tables and views\n"
	     ".schema [NAME] the columns of all of them, or of one, and what they mean\n"
	     ".format NAME   table, markdown, html, csv, tsv, json or jsonl\n"
	     ".quit          leaves, as Ctrl-D does; Ctrl-C ends a statement");
	return 0;
}

static int show_tables(struct prompt *p, const char *word, struct err *err)
{
	AUTO_ROWS *rows = NULL;
	int ret = ask_sql(p->q,
			  "SELECT name, type FROM sqlite_schema WHERE type IN ('table', 'view')"
			  " AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY type DESC, name",
			  &rows, err);

	(void)word;
	return ret ? ret : output_rows(p->q, rows, err);
}

static int show_schema(struct prompt *p, const char *word, struct err *err)
{
	p->q->statement = word;
	return command_schema(p->q, err);
}

static int set_format(struct prompt *p, const char *word, struct err *err)
{
	if (!word)
		return err_set(err, -EINVAL, "write .format NAME; .help lists the names");
	return render_find(word, &p->q->renderer, err);
}

static int leave(struct prompt *p, const char *word, struct err *err)
{
	(void)word, (void)err;
	p->quit = true;
	return 0;
}

static const struct {
	const char *name;
	int (*run)(struct prompt *p, const char *word, struct err *err);
} commands_of_prompt[] = {
	{".help", show_help},	 {".tables", show_tables}, {".schema", show_schema},
	{".format", set_format}, {".quit", leave},	   {".exit", leave},
};

#define N_COMMANDS (sizeof(commands_of_prompt) / sizeof(commands_of_prompt[0]))

/* @line: .NAME [WORD] */
static int run_command(struct prompt *p, char *line, struct err *err)
{
	const char *name = strtok(line, " \t;"), *word = strtok(NULL, " \t;");
	struct suggestion s = {.word = name};

	for (size_t i = 0; i < N_COMMANDS; i++) {
		if (!strcmp(commands_of_prompt[i].name, name))
			return commands_of_prompt[i].run(p, word, err);
		suggest_try(&s, commands_of_prompt[i].name);
	}
	return suggest_error(&s, err, "command", ".help lists them");
}

static int run_statement(struct prompt *p, struct err *err)
{
	AUTO_ROWS *rows = NULL;
	int ret = ask_sql(p->q, p->text, &rows, err);

	return ret ? ret : output_rows(p->q, rows, err);
}

static void forget(struct prompt *p)
{
	free(p->text);
	p->text = NULL;
}

static int add_line(struct prompt *p, const char *line, struct err *err)
{
	size_t used = p->text ? strlen(p->text) : 0, size = used + strlen(line) + 2;
	char *more = size <= STATEMENT_MAX ? realloc(p->text, size) : NULL;

	if (!more)
		return err_set(err, -E2BIG, "the statement is too long");
	p->text = more;
	snprintf(more + used, size - used, "%s\n", line);
	return 0;
}

/* What one says at other prompts; no statement begins so. */
static bool is_word(const char *line, const char *word)
{
	size_t len = strlen(word);

	return !strncmp(line, word, len) && line[len + strspn(line + len, " \t;")] == '\0';
}

static int take_line(struct prompt *p, char *line, struct err *err)
{
	int ret;

	line += strspn(line, " \t");
	if (!p->text && line[0] == '.')
		return run_command(p, line, err);
	if (!p->text && (is_word(line, "exit") || is_word(line, "quit")))
		return leave(p, NULL, err);
	if (!p->text && is_word(line, "help"))
		return show_help(p, NULL, err);
	if (!p->text && line[0] == '\0')
		return 0;
	ret = add_line(p, line, err);
	if (!ret && !sqlite3_complete(p->text))
		return 0;
	if (!ret)
		ret = run_statement(p, err);
	forget(p);
	return ret;
}

static void read_lines(struct prompt *p)
{
	while (!p->quit) {
		struct err err = {0};
		char *line = NULL;

		switch (line_read(p->text ? "     ...> " : "connmon> ", &line)) {
		case LINE_READ:
			if (take_line(p, line, &err))
				remark(err.msg);
			break;
		case LINE_CANCELLED:
			putchar('\n');
			forget(p);
			break;
		case LINE_END:
			putchar('\n');
			p->quit = true;
		}
		free(line);
	}
}

/* $XDG_STATE_HOME/connmon/history, with its folder made if that is possible. */
static const char *history_path(char *out, size_t size)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	char folder[4000];
	int n = 0;

	if (state && state[0] == '/')
		n = snprintf(folder, sizeof(folder), "%s", state);
	else if (home && home[0] == '/')
		n = snprintf(folder, sizeof(folder), "%s/.local/state", home);
	if (n <= 0 || n >= (int)sizeof(folder))
		return NULL;
	for (char *p = folder + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		mkdir(folder, 0700);
		*p = '/';
	}
	mkdir(folder, 0700);
	snprintf(out, size, "%s/connmon", folder);
	mkdir(out, 0700);
	n = snprintf(out, size, "%s/connmon/history", folder);
	return n < (int)size ? out : NULL;
}

/* Between a line and its statement Ctrl-C has nothing to end. */
static void on_interrupt(int signal_number)
{
	(void)signal_number;
}

int prompt(const struct request *q, struct err *err)
{
	const char *names[N_COMMANDS + 1] = {NULL};
	struct prompt p = {.q = malloc(sizeof(*q))};
	char path[4096];
	char **words = NULL;
	int ret;

	if (!p.q)
		return err_set(err, -ENOMEM, "no memory for the prompt");
	*p.q = *q;
	for (size_t i = 0; i < N_COMMANDS; i++)
		names[i] = commands_of_prompt[i].name;
	setlocale(LC_CTYPE, "");
	ret = prompt_words(q, names, &words, err); /* and so whether there is a history at all */
	if (!ret) {
		puts("A statement ends with ; and .help tells what else there is.");
		watch_be_patient();
		signal(SIGINT, on_interrupt);
		line_begin(words, history_path(path, sizeof(path)));
		read_lines(&p);
		line_end();
	}
	prompt_words_free(words);
	forget(&p);
	free(p.q);
	return ret ? ret : command_flush(err);
}
