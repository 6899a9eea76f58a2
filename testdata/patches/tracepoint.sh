# A task's name; the tracepoint in the function fires when it is on.
cd /sys/kernel/tracing || exit 1
cat /proc/$$/comm
echo > trace
echo quiet > /proc/$$/comm
! grep -q 'newcomm=quiet' trace || exit 1
echo 1 > events/task/task_rename/enable || exit 1
printf 'two words' > /proc/$$/comm
echo 0 > events/task/task_rename/enable
cat /proc/$$/comm
grep task_rename trace
grep -q 'newcomm=two words' trace || exit 1
case $1 in
after) grep -qx 'two_words' /proc/$$/comm ;;
*)     grep -qx 'two words' /proc/$$/comm ;;
esac
