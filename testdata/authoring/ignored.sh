# The callback set the variable; nothing else changed.
time=$(cat /proc/sys/fs/lease-break-time)
echo "$time"
flock /tmp true
flock /tmp grep -c FLOCK /proc/locks && flock /tmp grep 'not to be seen' /proc/locks && exit 1
case $1 in
before)	[ "$time" = 45 ] ;;
*)	[ "$time" = 47 ] ;;
esac
