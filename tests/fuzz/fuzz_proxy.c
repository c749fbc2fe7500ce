/* fuzz/fuzz_proxy.c - PROXY headers: never a byte too far, the same in pieces, always a decision
 *
 * The input is what a proxy sends.
 */
#include <glib.h>
#include <string.h>
#include "fuzz.h"
#include "request/proxy.h"

/* In memory of just its size, so that a byte too far is seen. */
static long parse(const uint8_t *bytes, size_t length, struct proxy_header *header)
{
	g_autofree char *exact = g_malloc(MAX(length, 1));
	const char *wrong = "not set";
	long size;

	memcpy(exact, bytes, length);
	size = proxy_parse(exact, length, header, &wrong);
	g_assert_cmpint(size, >=, -1);
	g_assert_cmpint(size, <=, (long)length);
	g_assert_cmpint(size, <=, PROXY_HEADER_MAX);
	g_assert_cmpint(size == -1, ==, wrong != NULL);
	return size;
}

static void check_header(const struct proxy_header *header)
{
	char text[64];
	pp_address_t again = { 0 };

	g_assert_cmpint(header->source.family != 0, ==, header->kind == PROXY_SOURCE);
	if (header->kind != PROXY_SOURCE)
		return;
	g_assert_true(pp_address_parse(pp_address_print(&header->source, -1, text), &again));
	g_assert_cmpint(again.family, ==, header->source.family);
	g_assert_cmpmem(again.bytes, 16, header->source.bytes, 16);
}

/* What was decided about the beginning stays so when more comes. */
static void check_pieces(const uint8_t *bytes, size_t length, long whole, const struct proxy_header *header)
{
	size_t most = MIN(length, whole > 0 ? (size_t)whole + 2 : PROXY_HEADER_MAX + 2);
	struct proxy_header again;
	long before = 0;

	for (size_t cut = 0; cut <= most; cut += cut < 600 ? 1 : 97) {
		long size = parse(bytes, cut, &again);

		g_assert_true(before == 0 || size == before);
		if (size > 0) {
			g_assert_cmpint(again.kind, ==, header->kind);
			g_assert_cmpint(again.source.family, ==, header->source.family);
			g_assert_cmpmem(again.source.bytes, 16, header->source.bytes, 16);
		}
		g_assert_true(size == 0 || size == whole);
		before = size;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct proxy_header header;
	long whole = parse(data, size, &header);

	if (whole > 0)
		check_header(&header);
	else
		memset(&header, 0, sizeof(header));
	g_assert_true(whole != 0 || size < PROXY_HEADER_MAX);
	check_pieces(data, size, whole, &header);
	return 0;
}
