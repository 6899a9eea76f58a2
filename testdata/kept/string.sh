# The device has the name that the patch gave it, after the patch was disabled too.
cat /proc/misc
case $1 in
before) grep -q ' snapshot$' /proc/misc ;;
*) grep -q ' kept-snapshot$' /proc/misc ;;
esac
