/* prompt_words.h - what a prompt can complete. */
#ifndef CONNMON_PROMPT_WORDS_H
#define CONNMON_PROMPT_WORDS_H

#include "err.h"
#include "request.h"

/* Tables, views, columns and functions of the history, keywords of SQL, commands of the prompt:
 * sorted, each once, NULL at the end. The caller frees *@out with prompt_words_free(). Names that
 * would have to be quoted are left out. */
int prompt_words(const struct request *q, const char *const commands[], char ***out,
		 struct err *err);

void prompt_words_free(char **words); /* NULL is allowed */

#endif
