# The devices that registered before the patch are listed before, after and
# after unloading; the patch marks them.
cat /proc/misc
[ "$(wc -l < /proc/misc)" -gt 3 ] || exit 1
case $1 in
after) ! grep -v ' (known)$' /proc/misc ;;
*) ! grep ' (known)$' /proc/misc ;;
esac
