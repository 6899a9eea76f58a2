# A copy of busybox with other flags in its ELF header, which x86 does not
# look at.
cp /bin/busybox /tmp/echo
/tmp/echo unchanged || exit 1
printf '\113' | dd of=/tmp/echo bs=1 seek=48 conv=notrunc 2> /dev/null
said=$(/tmp/echo flags 2>&1)
echo "said $said" | head -n 1
case $1 in
after) [ "$said" != flags ] ;;
*)     [ "$said" = flags ] ;;
esac
