/* Starts of the relay's configuration for the unit tests. */
#include "relay_start.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"

#define START_WORDS 32

static char start_directory[64];

int relay_start_set_up(void **state)
{
	(void)snprintf(start_directory, sizeof(start_directory), "/tmp/test_relay_conf.XXXXXX");
	*state = MEM_NEW(struct relay_start);
	return mkdtemp(start_directory) && chdir(start_directory) == 0 ? 0 : -1;
}

int relay_start_tear_down(void **state)
{
	struct relay_start *start = *state;
	DIR *directory = opendir(".");
	struct dirent *entry;

	while (directory && (entry = readdir(directory))) {
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			(void)unlink(entry->d_name);
	}
	closedir(directory);
	relay_conf_free(&start->conf);
	mem_free(start);
	return chdir("/") || rmdir(start_directory);
}

/* Cuts text into words in place; the list ends with NULL. */
static int start_cut(char *text, char *words[START_WORDS], int count)
{
	for (char *word = strtok(text, " "); word; word = strtok(NULL, " ")) {
		assert_true(count < START_WORDS - 1);
		words[count++] = word;
	}
	words[count] = NULL;
	return count;
}

int relay_start(struct relay_start *start, const char *words, const char *variables)
{
	char *argv[START_WORDS] = {(char *)"aditd"}, *list[START_WORDS];
	char *words_copy = mem_dup_str(words, strlen(words));
	char *variables_copy = mem_dup_str(variables, strlen(variables));
	struct relay_arguments arguments = {.argv = argv, .environ_list = list};
	struct buf message, warnings;
	int err;

	buf_init(&message);
	buf_init(&warnings);
	arguments.argc = start_cut(words_copy, argv, 1);
	start_cut(variables_copy, list, 0);
	relay_conf_free(&start->conf);
	err = relay_conf_load(&arguments, &start->command, &start->conf, &message, &warnings);
	slice_to_str(buf_slice(&message), start->message, sizeof(start->message));
	slice_to_str(buf_slice(&warnings), start->warnings, sizeof(start->warnings));
	assert_int_equal(err != 0, start->message[0] != '\0');
	assert_true(!err || !start->conf);
	buf_release(&message);
	buf_release(&warnings);
	mem_free(words_copy);
	mem_free(variables_copy);
	return err;
}

void relay_start_write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}
