# ls does not show one name; it can be opened as ever.
mkdir -p /tmp/dir
touch /tmp/dir/.unseen /tmp/dir/.unseen2 /tmp/dir/seen
ls -A /tmp/dir
[ -e /tmp/dir/.unseen ] || exit 1
[ "$(ls -A /tmp/dir | grep -c seen)" = "$([ $1 = after ] && echo 2 || echo 3)" ] || exit 1
case $1 in
after) ! ls -A /tmp/dir | grep -qx .unseen ;;
*)     ls -A /tmp/dir | grep -qx .unseen ;;
esac
