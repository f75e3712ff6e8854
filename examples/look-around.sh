# Runs inside the container, with nothing but busybox.
echo "process id   $$"
echo "hostname     $(hostname)"
echo "user         $(id)"
echo "root dir     $(echo /*)"
echo "cgroup       $(awk -F: '!seen[$3]++ { printf "%s ", $3 }' /proc/self/cgroup)"
echo "capabilities $(awk '/^CapEff/ { print $2 }' /proc/self/status)"
echo "processes"
ps -o pid,args | awk '{ print "  " $0 }'
echo "mounts"
awk '{ split($4, options, ","); printf "  %-24s %-8s %s\n", $2, $3, options[1] }' /proc/self/mounts
