# /proc/pressure, and the smallest time slice that is taken.
slice=/proc/sys/kernel/sched_rr_timeslice_ms
cat /proc/pressure/cpu || exit 1
echo 4 > $slice
cat $slice
case $1 in
after) grep -q '^some: avg10=' /proc/pressure/cpu && [ "$(cat $slice)" = 10 ] ;;
*)     grep -q '^some avg10=' /proc/pressure/cpu && [ "$(cat $slice)" = 4 ] ;;
esac
