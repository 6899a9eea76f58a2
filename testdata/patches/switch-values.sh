# What rmdir(2) answers for the root, and for the others of the same table.
cd /tmp
for dir in / /tmp/.. .; do rmdir $dir; done > /tmp/said 2>&1
cat /tmp/said
grep -q 'not empty' /tmp/said && grep -q 'Invalid argument' /tmp/said || exit 1
case $1 in
after) grep -q 'Operation not permitted' /tmp/said ;;
*)     grep -q 'resource busy' /tmp/said ;;
esac
