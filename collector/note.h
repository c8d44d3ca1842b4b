/* note.h - what is no error, and whoever runs the program should know: main shows it. */
#ifndef CONNMON_NOTE_H
#define CONNMON_NOTE_H

/* Plain data; all zero: nobody listens. */
struct note {
	void (*say)(void *ctx, const char *text); /* one line, no newline; valid during the call */
	void *ctx;
};

/* Says it now. Who calls takes care that it is not said again and again. */
void note(const struct note *n, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
