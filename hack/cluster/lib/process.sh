# Sourced by hack/cluster/ctl: processes, each known by pid and start time, so that a pid
# that the kernel gave to another program is never signalled.
# shellcheck shell=bash

# started_at prints when a process started, in clock ticks since boot; empty if it is gone
# or a zombie.
started_at() {
  local stat
  stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 0
  stat=${stat##*) } # the name before may hold spaces and brackets
  # shellcheck disable=SC2086
  set -- $stat
  [ "$1" = Z ] || echo "${20}"
}

# alive says whether the process recorded under this name still runs.
alive() { # NAME
  local pid at
  read -r pid at 2>/dev/null <"$PIDS/$1" || return 1
  [ -n "$at" ] && [ "$(started_at "$pid")" = "$at" ]
}

# start runs a program in a network namespace with a clean environment, and records it.
start() { # NAME NAMESPACE COMMAND...
  local name=$1 ns=$2 pid at
  shift 2
  ! alive "$name" || return 0
  mkdir -p "$PIDS" "$LOGS"
  env -i "PATH=$TOOLS/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" "HOME=$RUN" \
    setsid nsenter --net="/run/netns/$ns" "$@" >>"$LOGS/$name.log" 2>&1 </dev/null {LOCK_FD}>&- &
  pid=$!
  # setsid and nsenter become the program without another fork: the pid stays.
  at=$(started_at $pid)
  [ -n "$at" ] || die "$name ended at once: see $LOGS/$name.log"
  echo "$pid $at" >"$PIDS/$name"
  disown $pid
}

# stop ends recorded processes: politely, and after 20 seconds not.
stop() { # NAME...
  local name pid at limit=$((SECONDS + 20))
  for name in "$@"; do
    if alive "$name"; then
      read -r pid at <"$PIDS/$name"
      kill "$pid" 2>/dev/null || true
    fi
  done
  for name in "$@"; do
    while alive "$name" && [ $SECONDS -lt $limit ]; do sleep 0.05; done
    if alive "$name"; then
      read -r pid at <"$PIDS/$name"
      kill -KILL "$pid" 2>/dev/null || true
      wait_for 5 "end of $name" not_alive "$name" || die "$name (pid $pid) cannot be ended: see /proc/$pid/stack"
    fi
    rm -f "$PIDS/$name"
  done
}
not_alive() { ! alive "$1"; }

# stop_now ends recorded processes whose state goes with them.
stop_now() { # NAME...
  local name pid at
  for name in "$@"; do
    if alive "$name"; then
      read -r pid at <"$PIDS/$name"
      kill -KILL "$pid" 2>/dev/null || true
    fi
  done
  stop "$@"
}

# Each node's programs and containers are in a cgroup that this cluster made: whatever is
# in it, shims and orphans included, was started here.
cgroup_roots() {
  local c
  if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
    echo /sys/fs/cgroup
  else
    for c in /sys/fs/cgroup/*/; do
      [ "$c" = /sys/fs/cgroup/unified/ ] || [ ! -e "$c/cgroup.procs" ] || echo "${c%/}"
    done
  fi
}

# The hierarchy in which a node's processes are looked up.
cgroup_main() { [ ! -e /sys/fs/cgroup/cgroup.controllers ] && echo /sys/fs/cgroup/pids || echo /sys/fs/cgroup; }

cgroup_make() { # NODE
  local root dir c
  for root in $(cgroup_roots); do
    dir=$root/$NAME-n$1
    mkdir -p "$dir"
    if [ -e "$root/cgroup.controllers" ]; then
      for c in cpuset cpu io memory pids; do
        echo "+$c" >"$root/cgroup.subtree_control" 2>/dev/null || true
        echo "+$c" >"$dir/cgroup.subtree_control" 2>/dev/null || true
      done
    elif [ -e "$dir/cpuset.cpus" ] && [ -z "$(<"$dir/cpuset.cpus")" ]; then
      # A new set of CPUs is empty, and holds no process until it is filled.
      cat "$root/cpuset.cpus" >"$dir/cpuset.cpus"
      cat "$root/cpuset.mems" >"$dir/cpuset.mems"
    fi
  done
  mkdir -p "$(cgroup_main)/$NAME-n$1/system"
}

# cgroup_join moves a recorded process to its node's cgroup; its children follow.
cgroup_join() { # NODE NAME
  local pid at
  read -r pid at <"$PIDS/$2"
  echo "$pid" >"$(cgroup_main)/$NAME-n$1/system/cgroup.procs"
}

cgroup_pids() { # NODE
  find "$(cgroup_main)/$NAME-n$1" -name cgroup.procs -exec cat {} + 2>/dev/null || true
}

# cgroup_end kills what is left of a node and removes its cgroups.
cgroup_end() { # NODE
  local limit=$((SECONDS + 20)) pids root
  while pids=$(cgroup_pids "$1") && [ -n "$pids" ]; do
    [ $SECONDS -lt $limit ] || die "processes of node $1 cannot be ended: $(echo $pids)"
    # shellcheck disable=SC2086
    kill -KILL $pids 2>/dev/null || true
    sleep 0.05
  done
  # Container runtimes make them in every hierarchy that there is.
  for root in /sys/fs/cgroup /sys/fs/cgroup/*; do
    [ ! -d "$root/$NAME-n$1" ] || find "$root/$NAME-n$1" -depth -type d -exec rmdir {} + 2>/dev/null || true
  done
}
