/* daemon/notify.h - telling systemd how it goes (sd_notify(3)) */
#ifndef DAEMON_NOTIFY_H
#define DAEMON_NOTIFY_H

#include "ppolicyd/module.h"

/* "READY=1\nSTATUS=..."; nothing happens without a NOTIFY_SOCKET. */
void notify_send(const char *format, ...) PP_PRINTF(1, 2);
/* How often WATCHDOG=1 must be sent; 0 = not wanted. */
pp_msec_t notify_watchdog_interval(void);

#endif
