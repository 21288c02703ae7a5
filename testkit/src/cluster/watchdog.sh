# Ends a PostgreSQL and removes what it left. $1 is the process whose end is waited for, 0 for none; $2 the folder of
# the cluster; $3 and the rest, files and folders that go with it.
watched=$1 folder=$2
shift 2
if [ "$watched" != 0 ]; then
  while kill -0 "$watched" 2>/dev/null && [ -d "$folder" ]; do sleep 1; done
fi
postmaster=$(head -n 1 "$folder/data/postmaster.pid" 2>/dev/null)
# the number may be another process's by now
is_running() { [ -n "$postmaster" ] && ps -p "$postmaster" -o args= 2>/dev/null | grep -qF "$folder/data"; }
if is_running; then
  children=$(ps -A -o pid= -o ppid= | while read -r pid parent; do [ "$parent" = "$postmaster" ] && echo "$pid"; done)
  # a stopped process takes no signal but this
  kill -CONT "$postmaster" $children 2>/dev/null
  kill -QUIT "$postmaster" 2>/dev/null
  for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    is_running || break
    sleep 0.1
  done
  if is_running; then kill -KILL "$postmaster" $children 2>/dev/null; fi
fi
rm -rf "$folder" "$@"
