# /proc/pressure says that it is not supported, though it is.
cat /proc/pressure/cpu
status=$?
case $1 in
after) [ $status != 0 ] ;;
*)     [ $status = 0 ] ;;
esac
