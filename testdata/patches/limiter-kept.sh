# The warning that has come before the patch stays quiet, the new one comes once.
dmesg -c > /dev/null
echo 0 > /proc/sys/kernel/sysctl_writes_strict || exit 1
write() { { echo one; echo two; } > /proc/sys/kernel/core_pattern; }
write
write
dmesg
old=$(dmesg | grep -c 'when file position was not 0')
new=$(dmesg | grep -c 'which has')
case $1 in
before) [ "$old" = 1 ] && [ "$new" = 0 ] ;;
after) [ "$old" = 0 ] && [ "$new" = 1 ] ;;
reverted) [ "$old" = 0 ] && [ "$new" = 0 ] ;;
esac
