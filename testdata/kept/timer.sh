# The timer runs on after the module was disabled.
ticks() { dmesg | grep -c 'kept tick'; }
read -r line < /proc/uptime
n=$(ticks)
sleep 1
echo "$n and then $(ticks)"
case $1 in
before)	[ "$(ticks)" = 0 ] ;;
*)	[ "$(ticks)" -gt "$n" ] ;;
esac
