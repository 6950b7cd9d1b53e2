/* Fixed columns. The day of the week is not compared: who is wrong about it knows the date. */
#include "proto/http_date.h"

#include <time.h>

#include "base/err.h"

#define HTTP_DATE_LEN 29u

static const char http_date_months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

/* Digits at fixed places; -1: something else stands there. */
static int http_date_number(struct slice text, size_t at, size_t digits)
{
	int value = 0;

	for (size_t i = at; i < at + digits; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9')
			return -1;
		value = value * 10 + (text.ptr[i] - '0');
	}
	return value;
}

static int http_date_month(struct slice text)
{
	for (int month = 0; month < 12; month++) {
		if (memcmp(http_date_months + 3 * month, text.ptr + 8, 3) == 0)
			return month;
	}
	return -1;
}

static bool http_date_has_frame(struct slice text)
{
	static const char frame[] = "___, __ ___ ____ __:__:__ GMT";

	for (size_t i = 0; i < HTTP_DATE_LEN; i++) {
		if (frame[i] != '_' && frame[i] != text.ptr[i])
			return false;
	}
	return true;
}

int http_date_parse(struct slice text, uint64_t *seconds_out)
{
	struct tm given = {0}, kept;
	time_t seconds;
	int second;

	if (text.len != HTTP_DATE_LEN || !http_date_has_frame(text))
		return ERR_SYNTAX;
	given.tm_mday = http_date_number(text, 5, 2);
	given.tm_mon = http_date_month(text);
	given.tm_year = http_date_number(text, 12, 4) - 1900;
	given.tm_hour = http_date_number(text, 17, 2);
	given.tm_min = http_date_number(text, 20, 2);
	second = http_date_number(text, 23, 2);
	if (given.tm_year < 70 || given.tm_mon < 0 || second < 0 || second > 60)
		return ERR_SYNTAX;
	kept = given;
	seconds = timegm(&kept);
	/* What does not exist was moved to what does. */
	if (kept.tm_mday != given.tm_mday || kept.tm_hour != given.tm_hour ||
		kept.tm_min != given.tm_min)
		return ERR_SYNTAX;
	*seconds_out = (uint64_t)seconds + (unsigned)second;
	return 0;
}
