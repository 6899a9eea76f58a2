# The state of a sleeping task in two files, one through each function. It has to
# be asleep by then.
sleep 60 &
task=$!
for _ in 1 2 3 4 5 6 7 8 9 10; do
	grep -q 'State:.R' /proc/$task/status || break
	sleep 1
done
grep State /proc/$task/status
cut -c 1-40 /proc/$task/stat
case $1 in
after) grep -q 'Z (dozing)' /proc/$task/status && grep -q "^$task (.*) Z" /proc/$task/stat ;;
*)     grep -q 'S (sleeping)' /proc/$task/status && grep -q "^$task (.*) S" /proc/$task/stat ;;
esac
ok=$?
kill $task
exit $ok
