/*
 * prompt_line.h - lines from a terminal: with editing, history and completion where libedit was
 * there at build time (prompt_edit.c), else as they come (prompt_plain.c).
 */
#ifndef CONNMON_PROMPT_LINE_H
#define CONNMON_PROMPT_LINE_H

enum line { LINE_READ, LINE_CANCELLED /* Ctrl-C */, LINE_END /* Ctrl-D */ };

/* @words: what can be completed, NULL at the end; borrowed until line_end(). @history: a file,
 * NULL for none; what cannot be read or written is done without. */
void line_begin(char *const words[], const char *history);

/* With LINE_READ *@out is the line without its newline, which the caller frees. */
enum line line_read(const char *prompt, char **out);

void line_end(void);

#endif
