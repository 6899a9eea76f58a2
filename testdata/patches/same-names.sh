# A copy of busybox with other flags in its ELF header, which x86 does not
# look at.
cp /bin/busybox /tmp/echo
/tmp/echo unchanged || exit 1
printf '\113' | dd of=/tmp/echo bs=1 seek=48 conv=notrunc 2> /dev/null
/tmp/echo flags
status=$?
echo "status $status"
case $1 in
after) [ $status = 126 ] ;;
*)     [ $status = 0 ] ;;
esac
