# Sourced by the scripts in hack/ that talk to the cluster of 'make cluster'.
# shellcheck shell=bash

CLUSTER=$ROOT/hack/cluster/make
IMAGES=$BEDROCK_CACHE/images

# kubectl of the path, or the one that was compiled for the cluster.
find_kubectl() {
  local assets
  KUBECTL=$(command -v kubectl || true)
  ! assets=$("$ROOT/hack/cluster/ctl" assets --check 2>/dev/null) || KUBECTL=$assets/kubectl
  [ -n "$KUBECTL" ] || die "there is no kubectl on PATH: install it, or run 'hack/setup envtest'"
}

# find_cluster sets CONFIG and KUBECTL, or says that there is no cluster.
find_cluster() {
  CONFIG=$("$CLUSTER" kubeconfig) || exit 1
  find_kubectl
}
kube() { "$KUBECTL" --kubeconfig "$CONFIG" --request-timeout 30s "$@"; }
since() { printf '%4d s  %s\n' $SECONDS "$*"; }

# follow prints what a command says whenever that changes, until another succeeds.
follow() { # SECONDS UNTIL SHOW
  local limit=$((SECONDS + $1)) last= now
  until "$2"; do
    now=$("$3" 2>&1 || true)
    [ -z "$now" ] || [ "$now" = "$last" ] || since "$now"
    last=$now
    [ $SECONDS -lt $limit ] || return 1
    sleep 1
  done
}

