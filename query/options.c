#include "options.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "suggest.h"

static const struct option_spec *find(const struct option_set *set, const char *name, size_t len)
{
	for (int i = 0; i < set->n; i++)
		if (strlen(set->specs[i].name) == len && !memcmp(set->specs[i].name, name, len))
			return &set->specs[i];
	return NULL;
}

/* @word is "-l", and nothing else. */
static const struct option_spec *find_letter(const struct option_set *set, const char *word)
{
	for (int i = 0; i < set->n; i++)
		if (word[1] && !word[2] && set->specs[i].letter == word[1])
			return &set->specs[i];
	return NULL;
}

void options_add(struct option_set *set, struct option_spec spec)
{
	if (find(set, spec.name, strlen(spec.name)))
		return;
	assert(set->n < OPTIONS_MAX);
	set->specs[set->n++] = spec;
}

static int unknown(const struct option_set *set, const char *name, size_t len, struct err *err)
{
	char word[64];
	struct suggestion s = {.word = word};

	if (len >= sizeof(word))
		len = sizeof(word) - 1;
	memcpy(word, name, len);
	word[len] = '\0';
	for (int i = 0; i < set->n; i++)
		suggest_try(&s, set->specs[i].name);
	if (s.best)
		return err_set(err, -EINVAL, "unknown option --%s; did you mean --%s?", word,
			       s.best);
	return err_set(err, -EINVAL, "unknown option --%s; --help lists them", word);
}

static int unknown_letter(const char *word, struct err *err)
{
	return err_set(err, -EINVAL, "unknown option %s; options are written --name", word);
}

static int add_operand(struct options *out, const char *word, struct err *err)
{
	if (out->n_operands == OPERANDS_MAX)
		return err_set(err, -EINVAL, "too many words, from \"%s\" on", word);
	out->operands[out->n_operands++] = word;
	return 0;
}

static int add_option(struct options *out, const struct option_spec *spec, const char *value,
		      struct err *err)
{
	if (options_get(out, spec->name))
		return err_set(err, -EINVAL, "--%s is given twice", spec->name);
	out->given[out->n_given].spec = spec;
	out->given[out->n_given++].value = value;
	return 0;
}

int options_parse(int argc, char *const argv[], const struct option_set *set, struct options *out,
		  struct err *err)
{
	int ret = 0;

	*out = (struct options){0};
	for (int i = 1; i < argc && !ret; i++) {
		const char *word = argv[i];
		const struct option_spec *spec;
		const char *name, *value;
		size_t len;

		if (!strcmp(word, "--")) {
			while (!ret && ++i < argc)
				ret = add_operand(out, argv[i], err);
			break;
		}
		if (word[0] != '-') {
			ret = add_operand(out, word, err);
			continue;
		}
		name = word + (word[1] == '-' ? 2 : 1);
		len = strcspn(name, "=");
		value = name[len] ? name + len + 1 : NULL;
		spec = word[1] == '-' ? find(set, name, len) : find_letter(set, word);
		if (!spec) {
			out->unknown = word;
			return word[1] == '-' ? unknown(set, name, len, err)
					      : unknown_letter(word, err);
		}
		if (!spec->arg && value)
			return err_set(err, -EINVAL, "--%s takes no value", spec->name);
		if (spec->arg && !value)
			value = argv[++i]; /* NULL at the end of argv */
		if (spec->arg && !value)
			return err_set(err, -EINVAL, "--%s needs a value: --%s %s", spec->name,
				       spec->name, spec->arg);
		ret = add_option(out, spec, value ? value : "", err);
	}
	return ret;
}

int options_give(struct options *options, const struct option_set *set, const char *name,
		 const char *value, struct err *err)
{
	const struct option_spec *spec = find(set, name, strlen(name));

	if (!spec)
		return err_set(err, -EINVAL, "there is no option --%s", name);
	return add_option(options, spec, value, err);
}

const char *options_get(const struct options *options, const char *name)
{
	for (int i = 0; i < options->n_given; i++)
		if (!strcmp(options->given[i].spec->name, name))
			return options->given[i].value;
	return NULL;
}
