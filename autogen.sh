#!/bin/sh
# autogen.sh - makes ./configure from configure.ac
set -eu
cd "$(dirname "$0")"
exec autoreconf --force --install --warnings=all,no-portability
