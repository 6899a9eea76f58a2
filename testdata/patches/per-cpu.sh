# Inode numbers of pipes go on from where the kernel is, in other steps.
taskset -p 1 $$ > /dev/null # every CPU has a batch of its own
ino() { true | readlink /proc/self/fd/0 | tr -cd 0-9; }
a=$(ino)
b=$(ino)
last=$(cat /tmp/last 2> /dev/null || echo 0)
echo $b > /tmp/last
echo "$a then $b, before $last"
[ $a -gt $last ] && [ $b -gt $a ] || exit 1
case $1 in
after) [ $(((b - a) % 1024)) = 0 ] ;;
*)     [ $((b - a)) -lt 1024 ] ;;
esac
