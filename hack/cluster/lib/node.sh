# Sourced by hack/cluster/ctl: a node is a namespace with containerd, a kubelet and a
# kube-proxy of its own.
# shellcheck shell=bash

node_dir() { echo "$RUN/n$1"; }
# It warns of cgroup v1 at each call, where the machine has that.
ctr_of() { # NODE COMMAND...
  "$TOOLS/bin/ctr" --address "$(node_dir "$1")/containerd.sock" --namespace k8s.io --timeout 120s "${@:2}" \
    2> >(grep -v level=warning >&2)
}

# Nodes lie in four zones, by turns.
node_zone() { # NODE
  local zones=(zone-a zone-b zone-c zone-d)
  echo "${zones[($1 - 1) % 4]}"
}

# node_prepare makes everything but processes.
node_prepare() { # NODE
  local n=$1 dir
  dir=$(node_dir "$n")
  mkdir -p "$dir"/{cni,kubelet,volumes}
  pki_node "$n"
  namespace_up "$(node_ns "$n")" "$(node_ip "$n")" "$n"
  cgroup_make "$n"
  # Pods that take the node's name servers reach none.
  : >"$dir/resolv.conf"
  local fill=("NODE=$dir" "N=$n" "POD_NET=$(pod_net "$n")" "CNI_BIN=$CNI_BIN" "SNAPSHOTTER=$SNAPSHOTTER")
  render containerd.toml "${fill[@]}" >"$dir/containerd.toml"
  render kubelet.yaml "${fill[@]}" >"$dir/kubelet.yaml"
  render proxy.yaml "${fill[@]}" >"$dir/proxy.yaml"
  render cni.conflist "${fill[@]}" >"$dir/cni/10-bridge.conflist"
}

containerd_start() { # NODE
  local n=$1
  ! alive "containerd$n" || return 0
  start "containerd$n" "$(node_ns "$n")" "$TOOLS/bin/containerd" --config "$(node_dir "$n")/containerd.toml"
  cgroup_join "$n" "containerd$n"
  ready 60 "containerd$n" ctr_of "$n" version
}

node_start() { # NODE
  local n=$1 ns dir image
  ns=$(node_ns "$n") dir=$(node_dir "$n")
  containerd_start "$n"
  for image in "$TOOLS"/images/*.tar; do
    ctr_of "$n" images ls -q | grep -q "^cluster.local/$(basename "$image" .tar):" ||
      ctr_of "$n" images import --local "$image" >/dev/null || die "the image $image could not be given to node $n"
  done
  if ! alive "kubelet$n"; then
    start "kubelet$n" "$ns" "$TOOLS/bin/kubelet" --config "$dir/kubelet.yaml" --kubeconfig "$PKI/kubelet$n.kubeconfig" \
      --hostname-override "node$n" --node-ip "$(node_ip "$n")" --node-labels "topology.kubernetes.io/zone=$(node_zone "$n")" --root-dir "$dir/kubelet" --cert-dir "$dir/kubelet/pki"
    cgroup_join "$n" "kubelet$n"
  fi
  if ! alive "proxy$n"; then
    start "proxy$n" "$ns" "$TOOLS/bin/kube-proxy" --config "$dir/proxy.yaml" --hostname-override "node$n"
    cgroup_join "$n" "proxy$n"
  fi
}

# node_stop ends what manages containers; the containers live on.
node_stop() { stop "kubelet$1" "containerd$1"; } # NODE

node_ready() { # NODE
  [ "$(kube get node "node$1" -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}' 2>/dev/null)" = True ]
}

# node_end removes everything that a node has on this machine, but its folder.
node_end() { # NODE
  stop_now "kubelet$1"
  cgroup_end "$1"
  rm -f "$PIDS/kubelet$1" "$PIDS/containerd$1" "$PIDS/proxy$1"
  # What the network plugins remember of containers that were killed and not deleted.
  rm -rf /var/lib/cni/results/"$NAME-n$1"-*
}

# load gives an image to every node; images are not pulled from anywhere.
load() { # FILE...
  [ $# -gt 0 ] || die "usage: hack/cluster/ctl load IMAGE.tar..."
  [ -n "$(nodes)" ] || die "there is no cluster: start it with 'hack/cluster/ctl up'"
  local file n running=()
  for file in "$@"; do
    [ -r "$file" ] || die "there is no image at $file: 'make image' makes it"
  done
  for n in $(nodes); do
    (for file in "$@"; do ctr_of "$n" images import --local "$file" >/dev/null || exit 1; done) &
    running+=($!)
    # Unpacking is the disk's work; more at once are slower.
    [ ${#running[@]} -lt 4 ] || { wait "${running[0]}" || die "an image could not be given to a node: see the message above"; running=("${running[@]:1}"); }
  done
  for n in "${running[@]}"; do
    wait "$n" || die "an image could not be given to a node: see the message above"
  done
}
