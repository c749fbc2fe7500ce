/* lib/nameserver.c - the name server of tests as a program, for tests written in Python
 *
 *   nameserver            prints its address, answers until its standard input ends, and for each
 *                         line there prints how many questions it got
 *   nameserver --faults   prints what is to come of names: NAME, TYPE, RESULT, "alone" or "together",
 *                         with tabs between
 */
#include <glib.h>
#include <stdio.h>
#include <string.h>
#include "../unit/dns_faults.h"
#include "../unit/nameserver.h"

static void print_faults(void)
{
	for (const struct dns_fault *fault = dns_faults; fault->name != NULL; fault++)
		printf("%s\t%s\t%s\t%s\n", fault->name, dns_type_name(fault->type), fault->wanted,
		       fault->alone ? "alone" : "together");
}

int main(int argc, char **argv)
{
	struct nameserver *server;
	char line[64];

	if (argc > 1) {
		if (strcmp(argv[1], "--faults") == 0)
			print_faults();
		return strcmp(argv[1], "--faults") == 0 ? 0 : 2;
	}
	server = nameserver_new(NULL);
	printf("%s\n", nameserver_address(server));
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin) != NULL) {
		printf("%u\n", nameserver_asked(server));
		fflush(stdout);
	}
	nameserver_free(server);
	return 0;
}
