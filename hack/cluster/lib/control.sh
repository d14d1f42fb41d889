# Sourced by hack/cluster/ctl: etcd, the control plane, DNS and the volumes' provisioner.
# shellcheck shell=bash

# kubectl of this cluster, whatever KUBECONFIG says.
kube() { "$TOOLS/bin/kubectl" --kubeconfig "$PKI/admin.kubeconfig" --request-timeout 20s "$@"; }

# ready waits for a condition while a program runs, and shows the program's log if it ends.
ready() { # SECONDS NAME COMMAND...
  local limit=$((SECONDS + $1)) name=$2
  shift 2
  until "$@" >/dev/null 2>&1; do
    alive "$name" || { tail -5 "$LOGS/$name.log" >&2; die "$name ended: its log is $LOGS/$name.log"; }
    [ $SECONDS -lt $limit ] || { tail -5 "$LOGS/$name.log" >&2; die "$name is not ready in time (waited for: $*): its log is $LOGS/$name.log"; }
    sleep 0.1
  done
}

etcd_answers() { inside "$CONTROL_NS" curl -sf --max-time 2 "$ETCD_URL/readyz"; }

# etcd does not sync its writes: this cluster ends with the machine anyway. All revisions
# stay where a test wants to look through them.
etcd_start() {
  start etcd "$CONTROL_NS" "$TOOLS/bin/etcd" --data-dir "$RUN/etcd" --unsafe-no-fsync \
    --listen-client-urls "$ETCD_URL" --advertise-client-urls "$ETCD_URL" \
    --listen-peer-urls "$ETCD_PEER" --initial-advertise-peer-urls "$ETCD_PEER" \
    --initial-cluster "default=$ETCD_PEER" --quota-backend-bytes 4294967296
  ready 60 etcd etcd_answers
}

apiserver_start() {
  local compaction=5m
  [ "${BEDROCK_CLUSTER_REVISIONS-}" != all ] || compaction=0
  mkdir -p "$RUN/audit"
  start apiserver "$CONTROL_NS" "$TOOLS/bin/kube-apiserver" \
    --etcd-servers "$ETCD_URL" --etcd-compaction-interval $compaction \
    --advertise-address "$CONTROL_IP" --bind-address "$CONTROL_IP" --secure-port 6443 --service-cluster-ip-range "$SERVICES" \
    --client-ca-file "$PKI/ca.crt" --tls-cert-file "$PKI/apiserver.crt" --tls-private-key-file "$PKI/apiserver.key" \
    --service-account-key-file "$PKI/sa.pub" --service-account-signing-key-file "$PKI/sa.key" \
    --service-account-issuer https://kubernetes.default.svc.cluster.local \
    --kubelet-certificate-authority "$PKI/ca.crt" --kubelet-client-certificate "$PKI/apiserver-kubelet.crt" \
    --kubelet-client-key "$PKI/apiserver-kubelet.key" --kubelet-preferred-address-types InternalIP \
    --requestheader-client-ca-file "$PKI/ca.crt" --requestheader-allowed-names front-proxy-client \
    --requestheader-username-headers X-Remote-User --requestheader-group-headers X-Remote-Group \
    --requestheader-extra-headers-prefix X-Remote-Extra- \
    --proxy-client-cert-file "$PKI/front-proxy.crt" --proxy-client-key-file "$PKI/front-proxy.key" \
    --authorization-mode Node,RBAC --enable-admission-plugins NodeRestriction --allow-privileged=true \
    --audit-policy-file "$CLUSTER_ROOT/files/audit.yaml" --audit-log-path "$RUN/audit/audit.log" \
    --audit-log-maxsize 200 --audit-log-maxbackup 10
  ready 120 apiserver kube get --raw /readyz
}

controller_manager_start() {
  start controller-manager "$CONTROL_NS" "$TOOLS/bin/kube-controller-manager" \
    --kubeconfig "$PKI/controller-manager.kubeconfig" --authentication-kubeconfig "$PKI/controller-manager.kubeconfig" \
    --authorization-kubeconfig "$PKI/controller-manager.kubeconfig" --bind-address 127.0.0.1 \
    --service-account-private-key-file "$PKI/sa.key" --root-ca-file "$PKI/ca.crt" --use-service-account-credentials \
    --cluster-signing-cert-file "$PKI/ca.crt" --cluster-signing-key-file "$PKI/ca.key" \
    --controllers '*,-nodeipam' --leader-elect=false --node-monitor-period 2s --node-monitor-grace-period 12s \
    --cluster-cidr "$PODS"
  ready 60 controller-manager kube get serviceaccount default --namespace default
}

scheduler_start() {
  start scheduler "$CONTROL_NS" "$TOOLS/bin/kube-scheduler" --kubeconfig "$PKI/scheduler.kubeconfig" \
    --authentication-kubeconfig "$PKI/scheduler.kubeconfig" --authorization-kubeconfig "$PKI/scheduler.kubeconfig" \
    --bind-address 127.0.0.1 --leader-elect=false
}

addons_start() {
  mkdir -p "$RUN/addons"
  render Corefile >"$RUN/addons/Corefile"
  render addons.yaml >"$RUN/addons/addons.yaml"
  kube apply --server-side --force-conflicts -f "$RUN/addons/addons.yaml" >/dev/null || die "the cluster's DNS service and storage class could not be applied"
  start dns "$CONTROL_NS" "$TOOLS/bin/coredns" -conf "$RUN/addons/Corefile"
  ready 60 dns inside "$CONTROL_NS" curl -sf --max-time 2 http://127.0.0.1:8181/ready
  volumes_config
  start volumes "$CONTROL_NS" "$TOOLS/bin/local-path-provisioner" start \
    --kubeconfig "$PKI/addons.kubeconfig" --config "$RUN/addons/volumes.json" --provisioner-name bedrock.dev/local-path \
    --namespace cluster-addons --configmap-name local-path --helper-image cluster.local/busybox:1 \
    --service-account-name local-path --helper-pod-file "$CLUSTER_ROOT/files/volume-pod.yaml" --worker-threads 8
}

# volumes_config gives each node a folder of its own for volumes; the provisioner reads
# it again when it changes.
volumes_config() {
  local n sep=
  {
    printf '{"nodePathMap": ['
    for n in $(nodes); do
      printf '%s{"node": "node%s", "paths": ["%s/n%s/volumes"]}' "$sep" "$n" "$RUN" "$n"
      sep=', '
    done
    printf '], "setupCommand": "/volume", "teardownCommand": "/volume"}\n'
  } >"$RUN/addons/volumes.new"
  mv "$RUN/addons/volumes.new" "$RUN/addons/volumes.json"
}

control_up() {
  etcd_start
  apiserver_start
  controller_manager_start
  scheduler_start
  addons_start
}

# control is 'ctl apiserver stop' and its like.
control() { # PROGRAM stop|start
  case $2 in
  stop) stop "$1" ;;
  start) "${1//-/_}_start" ;;
  *) die "unknown '$1 $2': stop or start" ;;
  esac
}

etcd_save() { # FILE
  [ -n "${1-}" ] || die "where to? usage: hack/cluster/ctl etcd snapshot FILE"
  alive etcd || die "etcd does not run: start it with 'hack/cluster/ctl up'"
  rm -f "$1"
  inside "$CONTROL_NS" "$TOOLS/bin/etcd-copy" save "$ETCD_URL" "$1"
}

# etcd_restore puts a copy in etcd's place. The control plane stops for it, as it would
# on a real cluster; nodes and what runs on them do not.
etcd_restore() { # FILE
  [ -r "${1-}" ] || die "'${1-}' is no file that can be read; usage: hack/cluster/ctl etcd restore FILE"
  rm -rf "$RUN/etcd.new"
  "$TOOLS/bin/etcd-copy" restore "$1" "$RUN/etcd.new" "$ETCD_PEER"
  stop scheduler controller-manager apiserver etcd
  rm -rf "$RUN/etcd"
  mv "$RUN/etcd.new" "$RUN/etcd"
  etcd_start
  apiserver_start
  controller_manager_start
  scheduler_start
}
