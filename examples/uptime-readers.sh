# What /proc/loadavg says after /proc/uptime was read twice.
cat /proc/uptime > /dev/null
cat /proc/uptime > /dev/null
cat /proc/loadavg
case $1 in
after) grep -q 'uptime was read 2 times, last by cat' /proc/loadavg ;;
*)     ! grep -q uptime /proc/loadavg ;;
esac
