# /proc/loadavg shows a counter that /proc/uptime keeps.
cat /proc/uptime > /dev/null
cat /proc/uptime > /dev/null
cat /proc/loadavg
case $1 in
after) grep -qx 'uptime reads: 102' /proc/loadavg ;;
*)     ! grep -q uptime /proc/loadavg ;;
esac
