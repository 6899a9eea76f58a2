# Names of more than eight and of more than seven characters are taken, or not.
domain() { echo "$1" >/proc/sys/kernel/domainname; }
hostname short || exit 1
hostname rather-longer
hostname
case $1 in
after)	[ "$(hostname)" = short ] ;;
*)	[ "$(hostname)" = rather-longer ] ;;
esac
