# Sourced by hack/cluster/ctl: the bridge, the namespaces, and cutting nodes off.
# shellcheck shell=bash

inside() { # NAMESPACE COMMAND...   ('ip netns exec' would hide the cgroups)
  nsenter --net="/run/netns/$1" "${@:2}"
}

namespace_exists() { [ -e "/run/netns/$1" ] && ip netns list | grep -qE "^$1( |\$)"; }

network_up() {
  if ! ip link show "$BRIDGE" >/dev/null 2>&1; then
    ! ip route show "$NODE_NET" | grep -q . && ! ip route show "$PODS" | grep -q . ||
      die "the addresses $NODE_NET or $PODS are in use on this machine: take others with BEDROCK_CLUSTER_INDEX=1 (up to 9)"
    ip link add "$BRIDGE" type bridge ||
      die "the kernel gives no network bridge: it needs CONFIG_BRIDGE and CONFIG_VETH (try 'modprobe bridge veth')"
    ip addr add "$HOST_IP/24" dev "$BRIDGE"
    ip link set "$BRIDGE" up
  fi
  namespace_up "$CONTROL_NS" "$CONTROL_IP" c
}

# namespace_up makes a namespace with one leg on the bridge.
namespace_up() { # NAMESPACE ADDRESS LEG
  local ns=$1 address=$2 leg=$BRIDGE$3
  ! namespace_exists "$ns" || return 0
  ip netns add "$ns"
  ip link add "$leg" type veth peer name eth0 netns "$ns"
  ip link set "$leg" master "$BRIDGE" up
  ip -n "$ns" link set lo up
  ip -n "$ns" addr add "$address/24" dev eth0
  ip -n "$ns" link set eth0 up
  # A service's address must have a route before a rule rewrites it; a bridge without
  # ports swallows whatever no rule takes.
  ip -n "$ns" link add svc0 type bridge
  ip -n "$ns" link set svc0 up
  ip -n "$ns" route add "$SERVICES" dev svc0
  # These files are the reader's namespace's.
  inside "$ns" sh -c 'cd /proc/sys/net/ipv4 && echo 1 >ip_forward && echo 0 >conf/all/rp_filter && echo 0 >conf/default/rp_filter'
}

# routes_up gives every namespace and the host the way to every node's pods.
routes_up() {
  local n o
  for n in $(nodes); do
    ip route replace "$(pod_net "$n")" via "$(node_ip "$n")"
    ip -n "$CONTROL_NS" route replace "$(pod_net "$n")" via "$(node_ip "$n")"
    for o in $(nodes); do
      [ "$o" = "$n" ] || ip -n "$(node_ns "$o")" route replace "$(pod_net "$n")" via "$(node_ip "$n")"
    done
  done
  ip route replace "$SERVICES" via "$(node_ip 1)"
}

network_down() {
  local ns
  ip netns list 2>/dev/null | awk -v n="$NAME-" 'index($1, n) == 1 { print $1 }' | while read -r ns; do
    ip netns del "$ns"
  done
  ! ip link show "$BRIDGE" >/dev/null 2>&1 || ip link del "$BRIDGE"
}

# node_cut takes a node away from the API server only (kubelet, pods and all: its peers are
# still reached), its pods from the chain's peers only, or all from everything.
node_cut() { # NODE api|p2p|all
  local ns
  ns=$(node_ns "$1")
  case $2 in
  api)
    inside "$ns" nft -f - <<RULES
table inet bedrock-cut
delete table inet bedrock-cut
table inet bedrock-cut {
  # After services' addresses were rewritten, and before answers are rewritten back.
  chain out { type filter hook postrouting priority 200; ip daddr $CONTROL_IP tcp dport 6443 drop; }
  chain in { type filter hook prerouting priority -300; ip saddr $CONTROL_IP tcp sport != 53 drop; }
}
RULES
    ;;
  p2p)
    inside "$ns" nft -f - <<RULES
table inet bedrock-cut
delete table inet bedrock-cut
table inet bedrock-cut {
  chain in { type filter hook prerouting priority -300; udp dport 7600 drop; udp sport 7600 drop; }
}
RULES
    ;;
  all) ip link set "$BRIDGE$1" down ;;
  *) die "unknown cut '$2': api, p2p or all" ;;
  esac
}

node_heal() { # NODE
  ip link set "$BRIDGE$1" up
  inside "$(node_ns "$1")" nft delete table inet bedrock-cut 2>/dev/null || true
}
