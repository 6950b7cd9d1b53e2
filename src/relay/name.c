/* Names of tunnels; the words of the random ones stand in two tables of their own. */
#include "relay/name.h"

#include <stdio.h>

#include "base/attr.h"
#include "base/check.h"
#include "crypto/rand.h"

#define NAME_NUMBER_MAX 999

static const char *const name_adjectives[] = {
#define NAME_ADJECTIVE(word) word,
#include "relay/name_adjectives.def"
#undef NAME_ADJECTIVE
};

static const char *const name_animals[] = {
#define NAME_ANIMAL(word) word,
#include "relay/name_animals.def"
#undef NAME_ANIMAL
};

static bool name_is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool name_is_valid(struct slice name)
{
	if (name.len < NAME_MIN_LEN || name.len > NAME_MAX_LEN)
		return false;
	for (size_t i = 0; i < name.len; i++) {
		if (!name_is_letter(name.ptr[i]) && name.ptr[i] != '-')
			return false;
	}
	return name.ptr[0] != '-' && name.ptr[name.len - 1] != '-';
}

bool name_is_reserved(struct slice name, char *const *reserved)
{
	for (; reserved && *reserved; reserved++) {
		if (slice_eq_fold(name, slice_from_str(*reserved)))
			return true;
	}
	return false;
}

size_t name_random(char out[NAME_MAX_LEN + 1])
{
	int len = snprintf(out, NAME_MAX_LEN + 1, "%s-%s-%u",
		name_adjectives[rand_below(ARRAY_LEN(name_adjectives))],
		name_animals[rand_below(ARRAY_LEN(name_animals))], rand_below(NAME_NUMBER_MAX) + 1);

	CHECK(len > 0 && len <= NAME_MAX_LEN);
	return (size_t)len;
}
