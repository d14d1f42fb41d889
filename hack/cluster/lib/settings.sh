# Sourced by hack/cluster/ctl: what a cluster is called, where it is, and its addresses.
# shellcheck shell=bash disable=SC2034

CLUSTER_ROOT=$ROOT/hack/cluster

# Clusters with different indices can run side by side on one machine.
INDEX=${BEDROCK_CLUSTER_INDEX:-0}
[[ $INDEX =~ ^[0-9]$ ]] || die "BEDROCK_CLUSTER_INDEX is '$INDEX': want one digit, 0 to 9"
NAME=bedrock$INDEX

MAX_NODES=16

# The state of this cluster: what 'down' removes.
RUN=${BEDROCK_CLUSTER_DIR:-$BEDROCK_CACHE/cluster/run$INDEX}
[[ $RUN = /* ]] || die "BEDROCK_CLUSTER_DIR is '$RUN': want an absolute path"
# Sockets lie under it, and their paths have 107 bytes.
[ ${#RUN} -le 70 ] || die "BEDROCK_CLUSTER_DIR is longer than 70 characters: $RUN"
PIDS=$RUN/pids
LOGS=$RUN/logs
PKI=$RUN/pki

# One bridge on the host; the control plane and each node are a network namespace on it.
# Nothing in them has a way out of the machine.
HOST_IP=10.210.$INDEX.1
CONTROL_IP=10.210.$INDEX.2
node_ip() { echo "10.210.$INDEX.$((10 + $1))"; }
NODE_NET=10.210.$INDEX.0/24
PODS=10.22$INDEX.0.0/16
pod_net() { echo "10.22$INDEX.$1.0/24"; }
SERVICES=10.23$INDEX.0.0/16
API_SERVICE_IP=10.23$INDEX.0.1
DNS_IP=10.23$INDEX.0.10
BRIDGE=bk$INDEX
CONTROL_NS=$NAME-control
node_ns() { echo "$NAME-node$1"; }
API_URL=https://$CONTROL_IP:6443
ETCD_URL=http://127.0.0.1:2379
ETCD_PEER=http://127.0.0.1:2380

# nodes lists the numbers of the nodes that exist.
nodes() {
  local d
  for d in "$RUN"/n[0-9]*; do
    [ ! -d "$d" ] || echo "${d##*/n}"
  done | sort -n
}

render() { # TEMPLATE NAME=VALUE...  fills @NAME@ in files/TEMPLATE
  local text pair
  text=$(<"$CLUSTER_ROOT/files/$1")
  shift
  for pair in "RUN=$RUN" "PKI=$PKI" "NAME=$NAME" "CONTROL_IP=$CONTROL_IP" "DNS_IP=$DNS_IP" "PODS=$PODS" "API_URL=$API_URL" "$@"; do
    text=${text//"@${pair%%=*}@"/${pair#*=}}
  done
  printf '%s\n' "$text"
}

# wait_for polls a command: a condition, never a time.
wait_for() { # SECONDS WHAT COMMAND...
  local limit=$((SECONDS + $1)) what=$2
  shift 2
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $limit ] || return 1
    sleep 0.1
  done
}
