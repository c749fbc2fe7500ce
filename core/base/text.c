/* base/text.c - text from strangers made harmless, and words told apart */
#include "base/text.h"

#include <glib.h>
#include <stdint.h>
#include <string.h>

/* Sixteen bytes at a time, which the compiler makes vector instructions of. */
typedef int8_t block __attribute__((vector_size(16)));
typedef uint8_t unsigned_block __attribute__((vector_size(16)));
typedef uint64_t halves __attribute__((vector_size(16)));
enum { BLOCK = sizeof(block) };
#define BLOCK_OF(byte)                                                                                    \
	{                                                                                                 \
		byte, byte, byte, byte, byte, byte, byte, byte, byte, byte, byte, byte, byte, byte, byte, \
		        byte                                                                              \
	}

/* Which bytes are copied as they are: those from first to '~', but for '<' and '>',
 * which differ in one bit, and the backslash (both 0: these are copied too). */
struct plain {
	block first, less, backslash;
};
static const struct plain plain_clean = { BLOCK_OF(' '), BLOCK_OF(0), BLOCK_OF(0) };
static const struct plain plain_blanks = { BLOCK_OF(' '), BLOCK_OF('<'), BLOCK_OF('\\') };
static const struct plain plain_word = { BLOCK_OF('!'), BLOCK_OF('<'), BLOCK_OF('\\') };

static inline bool is_plain(char byte, const struct plain *plain)
{
	return byte >= plain->first[0] && byte <= '~' && (byte & ~('<' ^ '>')) != plain->less[0] &&
	       byte != plain->backslash[0];
}

static inline bool is_plain_block(block text, const struct plain *plain)
{
	/* DEL, one up, and those that are negative anyway are under first. */
	block other = (block)((unsigned_block)text + 1) <= plain->first;

	other |= ((text & ~('<' ^ '>')) == plain->less) | (text == plain->backslash);
	return (((halves)other)[0] | ((halves)other)[1]) == 0;
}

static inline block load(const char *text)
{
	block loaded;

	memcpy(&loaded, text, sizeof(loaded));
	return loaded;
}

static inline void store(char *out, block text)
{
	memcpy(out, &text, sizeof(text));
}

/* Copies 4 to 15 bytes. Returns them, some of them twice. */
static inline block copy_short(char *out, const char *text, size_t length)
{
	uint64_t eights[2];
	uint32_t fours[2];

	if (length >= sizeof(eights[0])) {
		memcpy(&eights[0], text, sizeof(eights[0]));
		memcpy(&eights[1], text + length - sizeof(eights[1]), sizeof(eights[1]));
		memcpy(out, &eights[0], sizeof(eights[0]));
		memcpy(out + length - sizeof(eights[1]), &eights[1], sizeof(eights[1]));
	} else {
		memcpy(&fours[0], text, sizeof(fours[0]));
		memcpy(&fours[1], text + length - sizeof(fours[1]), sizeof(fours[1]));
		memcpy(out, &fours[0], sizeof(fours[0]));
		memcpy(out + length - sizeof(fours[1]), &fours[1], sizeof(fours[1]));
		eights[0] = eights[1] = (uint64_t)fours[1] << 32 | fours[0];
	}
	return (block)(halves){ eights[0], eights[1] };
}

static size_t plain_length(const char *text, size_t length, const struct plain *plain)
{
	size_t done = 0;

	while (done < length && is_plain(text[done], plain))
		done++;
	return done;
}

/* Copies text if all of it is plain, which nearly all text is. */
static bool copy_plain(char *out, const char *text, size_t length, const struct plain *plain)
{
	block last;

	if (length < sizeof(uint32_t)) {
		memcpy(out, text, length);
		return plain_length(text, length, plain) == length;
	}
	if (length < BLOCK)
		return is_plain_block(copy_short(out, text, length), plain);
	for (size_t done = 0; done + BLOCK < length; done += BLOCK) {
		block next = load(text + done);

		store(out + done, next);
		if (!is_plain_block(next, plain))
			return false;
	}
	last = load(text + length - BLOCK);
	store(out + length - BLOCK, last);
	return is_plain_block(last, plain);
}

/* The length of the character at the start, 0 if it is not well-formed UTF-8
 * (Unicode 15, table 3-7). */
static size_t character_length(const char *text, size_t length)
{
	const unsigned char *byte = (const unsigned char *)text;
	unsigned char low = 0x80, high = 0xbf;
	size_t size;

	if (length == 0)
		return 0;
	if (byte[0] < 0x80)
		return 1;
	if (byte[0] < 0xc2 || byte[0] > 0xf4)
		return 0;
	size = byte[0] < 0xe0 ? 2 : byte[0] < 0xf0 ? 3 : 4;
	if (size > length)
		return 0;
	switch (byte[0]) {
	case 0xe0: low = 0xa0; break;
	case 0xed: high = 0x9f; break;
	case 0xf0: low = 0x90; break;
	case 0xf4: high = 0x8f; break;
	default: break;
	}
	if (byte[1] < low || byte[1] > high)
		return 0;
	for (size_t i = 2; i < size; i++)
		if ((byte[i] & 0xc0) != 0x80)
			return 0;
	return size;
}

static bool is_c1(const char *text)
{
	return (unsigned char)text[0] == 0xc2 && (unsigned char)text[1] < 0xa0;
}

/* The cleaned form of what is not plain at the start of text: at most 4 bytes in
 * out, their number in *made. Returns how many bytes of text it stands for. */
static size_t clean_one(char *out, size_t *made, const char *text, size_t length)
{
	size_t size = character_length(text, length);

	*made = 0;
	if (size == 1) {
		if (text[0] == '\r' || text[0] == '\n' || text[0] == '\t')
			out[(*made)++] = ' ';
	} else if (size == 0) {
		out[(*made)++] = '?';
		size = 1;
	} else if (!is_c1(text)) {
		memcpy(out, text, size);
		*made = size;
	}
	return size;
}

size_t text_clean(char *out, size_t size, const char *text, size_t length)
{
	size_t room, used = 0, read = 0;

	if (length < size && copy_plain(out, text, length, &plain_clean)) {
		out[length] = '\0';
		return length;
	}
	if (size == 0)
		return 0;
	room = size - 1;
	while (read < length) {
		size_t plain = plain_length(text + read, length - read, &plain_clean), made;
		char one[4];

		plain = MIN(plain, room - used);
		memcpy(out + used, text + read, plain);
		used += plain;
		read += plain;
		if (read == length || used == room)
			break;
		read += clean_one(one, &made, text + read, length - read);
		if (made > room - used)
			break;
		memcpy(out + used, one, made);
		used += made;
	}
	out[used] = '\0';
	return used;
}

/* As clean_one(): a character as it is, or the first byte as \xHH. */
static size_t escape_one(char *out, size_t *made, const char *text, size_t length)
{
	static const char digits[] = "0123456789abcdef";
	size_t size = character_length(text, length);
	unsigned char byte = (unsigned char)text[0];

	if (size > 1 && !is_c1(text)) {
		memcpy(out, text, size);
		*made = size;
		return size;
	}
	out[0] = '\\';
	out[1] = 'x';
	out[2] = digits[byte >> 4];
	out[3] = digits[byte & 15];
	*made = 4;
	return 1;
}

/* Apart, so that what is usual takes few registers. */
static size_t G_GNUC_NO_INLINE escape(char *out, size_t size, const char *text, size_t length,
                                      const struct plain *kind)
{
	static const char dots[] = "...";
	size_t room, used = 0, read = 0;
	size_t cut = 0, cut_room; /* where the dots would stand, at most */
	bool fits = true;

	if (size == 0)
		return 0;
	room = size - 1;
	cut_room = room - MIN(room, strlen(dots));
	while (read < length) {
		size_t plain = plain_length(text + read, length - read, kind), made;
		char one[4];

		fits = plain <= room - used;
		plain = MIN(plain, room - used);
		memcpy(out + used, text + read, plain);
		if (used <= cut_room)
			cut = MIN(used + plain, cut_room);
		used += plain;
		read += plain;
		if (!fits || read == length)
			break;
		read += escape_one(one, &made, text + read, length - read);
		fits = made <= room - used;
		if (!fits)
			break;
		memcpy(out + used, one, made);
		used += made;
		if (used <= cut_room)
			cut = used;
	}
	if (!fits) {
		used = cut;
		for (const char *dot = dots; *dot != '\0' && used < room; dot++)
			out[used++] = *dot;
	}
	out[used] = '\0';
	return used;
}

size_t text_escape(char *out, size_t size, const char *text, size_t length, bool blanks)
{
	const struct plain *kind = blanks ? &plain_blanks : &plain_word;

	if (length >= size || !copy_plain(out, text, length, kind))
		return escape(out, size, text, length, kind);
	out[length] = '\0';
	return length;
}

size_t text_cut(const char *text, size_t length, size_t limit)
{
	if (length <= limit)
		return length;
	for (size_t back = 1; back <= MIN(limit, 3); back++) {
		size_t start = limit - back;

		if (((unsigned char)text[start] & 0xc0) == 0x80)
			continue;
		return character_length(text + start, length - start) > back ? start : limit;
	}
	return limit;
}

bool text_is_utf8(const char *text, size_t length)
{
	size_t read = 0;

	while (read < length) {
		size_t size;

		read += plain_length(text + read, length - read, &plain_clean);
		if (read == length)
			break;
		size = character_length(text + read, length - read);
		if (size == 0)
			return false;
		read += size;
	}
	return true;
}

enum { LONGEST_WORD = 64 };

/* Damerau-Levenshtein distance (optimal string alignment) without regard to case. */
static size_t distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
	unsigned char rows[3][LONGEST_WORD + 1];
	unsigned char *before = rows[0], *last = rows[1], *row = rows[2], *spare;

	for (size_t j = 0; j <= b_length; j++)
		last[j] = (unsigned char)j;
	for (size_t i = 1; i <= a_length; i++) {
		char one = g_ascii_tolower(a[i - 1]);

		row[0] = (unsigned char)i;
		for (size_t j = 1; j <= b_length; j++) {
			char other = g_ascii_tolower(b[j - 1]);
			unsigned char best = last[j - 1] + (one != other);

			best = MIN(best, MIN(last[j], row[j - 1]) + 1);
			if (i > 1 && j > 1 && one == g_ascii_tolower(b[j - 2]) &&
			    other == g_ascii_tolower(a[i - 2]))
				best = MIN(best, before[j - 2] + 1);
			row[j] = best;
		}
		spare = before;
		before = last;
		last = row;
		row = spare;
	}
	return last[b_length];
}

const char *text_nearest(const char *word, const char *const *candidates)
{
	size_t length = strlen(word), best = length / 3 + 1;
	const char *nearest = NULL;

	if (length > LONGEST_WORD)
		return NULL;
	for (; *candidates != NULL; candidates++) {
		size_t other = strlen(*candidates), far;

		if (other > LONGEST_WORD)
			continue;
		far = distance(word, length, *candidates, other);
		if (far < best) {
			best = far;
			nearest = *candidates;
		}
	}
	return nearest;
}

char *text_lower(char *text)
{
	for (char *byte = text; *byte != '\0'; byte++)
		*byte = g_ascii_tolower(*byte);
	return text;
}

bool text_has_word(const char *words, const char *word)
{
	size_t length = strlen(word);

	while (length > 0 && *words != '\0') {
		size_t here = strcspn(words, " ");

		if (here == length && memcmp(words, word, length) == 0)
			return true;
		words += here + (words[here] != '\0');
	}
	return false;
}
