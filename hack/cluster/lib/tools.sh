# Sourced by hack/cluster/ctl: the programs, compiled once from their Go modules and kept
# in the cache under a key of what they are made of.
# shellcheck shell=bash

CONTAINERD_VERSION=v2.2.1

tools_hash() {
  {
    cd "$CLUSTER_ROOT/tools"
    echo "$CONTAINERD_VERSION"
    find . -type f ! -name '*_test.go' \( -name '*.go' -o -name go.mod -o -name go.sum \) | LC_ALL=C sort | xargs sha256sum
  } | sha256sum | cut -c1-12
}
TOOLS=$BEDROCK_CACHE/cluster/tools-$(tools_hash)
ASSETS=$TOOLS/envtest

# tools_built says whether a build came to its end.
tools_built() { [ -e "$TOOLS/$1.done" ]; }

# build runs one build in a folder aside; 'done' files say what is whole.
build() { # NAME FUNCTION
  tools_built "$1" && return 0
  command -v go >/dev/null || PATH=$PATH:/usr/local/go/bin
  command -v go >/dev/null || die "Go is needed to compile the cluster's programs: install it from https://go.dev/dl/"
  mkdir -p "$TOOLS/bin" "$TOOLS/images"
  local from=$SECONDS
  (cd "$CLUSTER_ROOT/tools" && CGO_ENABLED=0 GOFLAGS="${GOFLAGS-} -mod=readonly -trimpath" "$2") ||
    die "$1 could not be built: is the Go module proxy reachable (go env GOPROXY), and are there 8 GB free in $(go env GOCACHE)?"
  touch "$TOOLS/$1.done"
  say "$1 built in $((SECONDS - from)) s"
}

# The version must be stamped: clients see v0.0.0 otherwise.
build_kubernetes() {
  local version minor flags='-s -w' package program
  version=$(go list -m -f '{{.Version}}' k8s.io/kubernetes)
  minor=${version#v1.}
  for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
    flags+=" -X $package.gitVersion=$version -X $package.gitMajor=1 -X $package.gitMinor=${minor%%.*} -X $package.gitTreeState=clean"
  done
  say "compiling etcd and Kubernetes $version (once; 10 minutes or more on two cores)"
  go build -ldflags "$flags" -o "$TOOLS/bin/kube" ./kube || return 1
  for program in etcd etcd-copy kube-apiserver kube-controller-manager kube-scheduler kube-proxy kubelet kubectl; do
    ln -sf kube "$TOOLS/bin/$program"
  done
  mkdir -p "$ASSETS"
  for program in etcd kube-apiserver kubectl; do
    ln -sf ../bin/kube "$ASSETS/$program"
  done
}

build_addons() {
  say "compiling CoreDNS, local-path-provisioner and the cluster's own images (once)"
  go build -ldflags '-s -w' -o "$TOOLS/bin/" ./coredns ./mkimage ./pause ./volume || return 1
  # Alone: it takes an old logger whose path differs from the others' by one letter's case.
  go build -ldflags '-s -w' -o "$TOOLS/bin/" github.com/rancher/local-path-provisioner || return 1
  local image
  for image in pause volume; do
    # Volumes' folders are made as root.
    "$TOOLS/bin/mkimage" -t "cluster.local/$image:1" -user "$([ $image = volume ] && echo 0:0 || echo 65535:65535)" \
      -entrypoint "/$image" -o "$TOOLS/images/$image.tar" "/$image=$TOOLS/bin/$image" || return 1
  done
}

build_containerd() {
  say "compiling containerd $CONTAINERD_VERSION (once)"
  local p=github.com/containerd/containerd/v2/cmd
  (cd / && GOBIN=$TOOLS/bin GOFLAGS=-trimpath go install -ldflags '-s -w' \
    $p/containerd@$CONTAINERD_VERSION $p/containerd-shim-runc-v2@$CONTAINERD_VERSION $p/ctr@$CONTAINERD_VERSION)
}

# Two starts at once build once.
assets_up() {
  tools_built kubernetes && return 0
  mkdir -p "$BEDROCK_CACHE/cluster"
  (flock 9 && build kubernetes build_kubernetes) 9>"$BEDROCK_CACHE/cluster/build.lock"
}

tools_up() {
  assets_up
  tools_built addons && tools_built containerd && return 0
  (flock 9 && build addons build_addons && build containerd build_containerd) 9>"$BEDROCK_CACHE/cluster/build.lock"
}

# machine_check says what this machine lacks, before anything is made.
machine_check() {
  [ "$(uname -s)" = Linux ] || die "a local cluster needs Linux; elsewhere install docker and kind, and 'make cluster' takes them"
  [ "$(id -u)" = 0 ] || die "nodes are network namespaces and need root: run 'sudo -E make cluster', or give a cluster by KUBECONFIG"
  local p missing=()
  for p in runc nft conntrack socat ip nsenter openssl curl flock mount; do
    command -v $p >/dev/null || missing+=("$p")
  done
  [ ${#missing[@]} = 0 ] || die "programs are missing: ${missing[*]}: 'hack/setup cluster' installs them"
  CNI_BIN=
  for p in /usr/lib/cni /opt/cni/bin; do
    [ ! -x $p/bridge ] || CNI_BIN=$p
  done
  [ -n "$CNI_BIN" ] || die "the network plugins are missing (bridge, host-local, portmap): 'hack/setup cluster' installs them"
  SNAPSHOTTER=native
  ! grep -qw overlay /proc/filesystems && ! modprobe overlay 2>/dev/null || SNAPSHOTTER=overlayfs
  [ -n "$(cgroup_roots)" ] && [ -d "$(cgroup_main)" ] || die "no cgroups at /sys/fs/cgroup, or none with the pids controller: nodes' processes cannot be held together"
  # A node takes some ten watchers of files, and Debian gives a user 128.
  local instances=/proc/sys/fs/inotify/max_user_instances
  if [ "$(<$instances)" -lt 1024 ]; then
    say "raising $instances from $(<$instances) to 1024 until the next boot"
    echo 1024 >$instances || die "$instances cannot be raised: nodes would lack watchers of files"
  fi
  nft list tables >/dev/null 2>&1 || die "the kernel has no nftables: kube-proxy needs CONFIG_NF_TABLES (try 'modprobe nf_tables')"
}
