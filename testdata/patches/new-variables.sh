# State that is kept from one call to the next.
read first < /proc/version
read second < /proc/version
read third < /proc/version
echo "$first"
echo "$second"
echo "$third"
case $1 in
after)
	[ "$first" = "reads before: none, budget: 39" ] &&
	[ "$second" = "reads before: one, budget: 38" ] &&
	[ "$third" = "reads before: two, budget: 37" ] &&
	grep -q '^Linux version' /proc/version ;;
*)	case $first in "Linux version "*) ;; *) exit 1 ;; esac ;;
esac
