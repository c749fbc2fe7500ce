/* base/text.h - text from strangers made harmless, and words told apart */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Copies text into out (size bytes with the NUL), cleaned for a reply, a header
 * or a log: printable ASCII stays as it is, runs of spaces too; well-formed
 * UTF-8 stays; CR, LF, TAB become a space, other control characters and DEL, C1
 * too, vanish; each byte that is not well-formed UTF-8 becomes '?'. What does
 * not fit is cut, never within a character. Returns the length. */
size_t text_clean(char *out, size_t size, const char *text, size_t length);

/* The same for a value between < and > or behind key= in a log line: moreover
 * '<', '>', '\\' and, where blanks is false, ' ' become \xHH, and so does what
 * text_clean() would drop or change; cut at size with a final "...". */
size_t text_escape(char *out, size_t size, const char *text, size_t length, bool blanks);

/* How many bytes of the text, at most limit, end at a character. */
size_t text_cut(const char *text, size_t length, size_t limit);

bool text_is_utf8(const char *text, size_t length);

/* The one of the candidates (a NULL-terminated array) that the word was most
 * likely meant to be; NULL when none is near (distance over a third of its length). */
const char *text_nearest(const char *word, const char *const *candidates);

/* ASCII lower case in place. */
char *text_lower(char *text);

/* True if word is one of those in words, which are separated by single spaces. */
bool text_has_word(const char *words, const char *word);

#endif
