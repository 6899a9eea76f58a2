# An attribute with and without the word.
cd /sys/kernel/mm/ksm || exit 1
cat use_zero_pages merge_across_nodes
[ "$(cat use_zero_pages)" = 0 ] || exit 1
case $1 in
after) [ "$(cat merge_across_nodes)" = "1
(nodes)" ] ;;
*)     [ "$(cat merge_across_nodes)" = 1 ] ;;
esac
