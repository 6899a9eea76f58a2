# Three files under /proc/PID escape the names of devices.
mkdir -p /tmp/mnt
mount -t tmpfs one+two /tmp/mnt || exit 1
grep -h /tmp/mnt /proc/self/mounts /proc/self/mountinfo /proc/self/mountstats
n=$(cat /proc/self/mounts /proc/self/mountinfo /proc/self/mountstats | grep -cF 'one\053two')
umount /tmp/mnt
case $1 in
after) [ "$n" = 3 ] ;;
*)     [ "$n" = 0 ] ;;
esac
