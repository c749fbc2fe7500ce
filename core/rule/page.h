/* rule/page.h - a manual page, for people at once or for man
 *
 * The same calls write plain text, or input of man. In texts `words` between
 * backquotes are set off.
 */
#ifndef RULE_PAGE_H
#define RULE_PAGE_H

#include <glib.h>
#include <stdbool.h>

struct page {
	GString *out;
	bool man;
	bool begun; /* the section has its first paragraph */
	bool items; /* the last one was an item */
};

/* title is what man calls the page, name what it is about. */
void page_begin(struct page *page, const char *title, int section, const char *name, const char *line);
void page_heading(struct page *page, const char *text);
void page_subheading(struct page *page, const char *text);
void page_text(struct page *page, const char *text);
/* A name, what stands on its line behind it ("" = nothing), and a text about it. */
void page_item(struct page *page, const char *name, const char *rest, const char *text);
void page_code(struct page *page, const char *lines);
/* Paragraphs, lists with '*', and code indented by four blanks. */
void page_markdown(struct page *page, const char *text);

/* Appends words in lines of at most width columns, each begun with indent. */
void page_fill(GString *out, const char *text, const char *indent, size_t width);

#endif
