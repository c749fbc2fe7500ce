/* fold.h - addresses without what changes from mail to mail
 *
 * One sender writes many addresses: with a tag that protects bounces (BATV), rewritten by
 * a forwarder (SRS), with the number of the mail (VERP). Folded they are one.
 */
#ifndef GREYLIST_FOLD_H
#define GREYLIST_FOLD_H

enum { FOLD_SIZE = 255 }; /* bytes of what is folded, with the NUL */

/* Lower case (of ASCII). A domain loses the dot at its end. What is too long is cut, and a hash of
 * all of it stands behind. Bytes that are no UTF-8 are each U+FFFD: a database may refuse them, or
 * give back something else. */
char *fold_text(const char *text, char folded[FOLD_SIZE]);

/* Moreover without the extension of the local part (each of the characters extension begins one),
 * a BATV tag and the hash and date of SRS:
 *
 *     Bob+news@Example.ORG                         bob@example.org
 *     prvs=1234abcdef=bob@example.org              bob@example.org
 *     SRS0=x7Yz=AB=example.org=bob@forward.example srs=example.org=bob@forward.example
 */
char *fold_recipient(const char *address, const char *extension, char folded[FOLD_SIZE]);

/* Moreover each number of the local part is a '#', as is a word of hexadecimal digits; "<>" of the
 * null sender:
 *
 *     list-return-1234-bob=example.org@lists.example   list-return-#-bob=example.org@lists.example
 */
char *fold_sender(const char *address, const char *extension, char folded[FOLD_SIZE]);

#endif
