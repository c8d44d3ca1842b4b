/* embed.h - a text file carried inside a program (made by embed.cmake). */
#ifndef CONNMON_EMBED_H
#define CONNMON_EMBED_H

struct embed {
	const char *name; /* file name without folder and extension; NULL ends a table */
	const char *text;
};

#endif
