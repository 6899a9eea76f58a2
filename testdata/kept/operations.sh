# /proc/kept is read after the module was disabled: its operations are there.
read -r line < /proc/cmdline
case $1 in
before)	[ ! -e /proc/kept ] ;;
*)	[ "$(cat /proc/kept)" = kept ] && grep "^$2 .*permanent" /proc/modules ;;
esac
