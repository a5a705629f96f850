#!/bin/sh
# Added in a layer of its own; a later layer gives it to the user "app" and makes it executable.
. /etc/app.conf
echo "$GREETING from $(hostname)"
