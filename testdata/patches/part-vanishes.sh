# Nothing has crashed, so that nobody spins: the tunable is read and written.
echo 1 > /proc/sys/kernel/pause_on_oops 2>/dev/null
[ -e /proc/sys/kernel/panic ] && ! dmesg | grep 'kernel/panic.c'
