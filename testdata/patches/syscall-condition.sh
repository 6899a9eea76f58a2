# sethostname(2) takes names of more than eight characters, or not.
hostname short || exit 1
hostname rather-longer
hostname
case $1 in
after) [ "$(hostname)" = short ] ;;
*)     [ "$(hostname)" = rather-longer ] ;;
esac
