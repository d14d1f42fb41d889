# Sourced by hack/cluster/ctl: one CA, and a certificate and kubeconfig for each client.
# shellcheck shell=bash

pki_up() {
  mkdir -p "$PKI"
  chmod 0700 "$PKI"
  if [ ! -f "$PKI/ca.crt" ]; then
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 -subj /CN=bedrock-cluster \
      -addext keyUsage=critical,digitalSignature,keyCertSign,cRLSign \
      -keyout "$PKI/ca.key" -out "$PKI/ca.new" 2>"$PKI/log" || die "openssl could not make a CA: see $PKI/log"
    mv "$PKI/ca.new" "$PKI/ca.crt"
  fi
  [ -f "$PKI/sa.pub" ] || {
    openssl ecparam -name prime256v1 -genkey -noout -out "$PKI/sa.key"
    openssl ec -in "$PKI/sa.key" -pubout -out "$PKI/sa.pub" 2>/dev/null
  }
  certificate apiserver /CN=kube-apiserver "DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local,DNS:localhost,IP:127.0.0.1,IP:$CONTROL_IP,IP:$API_SERVICE_IP"
  certificate apiserver-kubelet /O=system:masters/CN=apiserver-kubelet
  certificate front-proxy /CN=front-proxy-client
  client admin /O=system:masters/CN=admin
  client controller-manager /CN=system:kube-controller-manager
  client scheduler /CN=system:kube-scheduler
  client proxy /CN=system:kube-proxy
  # These two run beside the control plane; a role each would be the cloud's way.
  client addons /O=system:masters/CN=cluster-addons
}

pki_node() { # NODE
  certificate "kubelet$1" "/O=system:nodes/CN=system:node:node$1" "DNS:node$1,IP:$(node_ip "$1")"
  kubeconfig "kubelet$1"
}

client() { # NAME SUBJECT
  certificate "$1" "$2"
  kubeconfig "$1"
}

certificate() { # NAME SUBJECT [ALTERNATIVE-NAMES]
  local to=$PKI/$1
  [ ! -f "$to.crt" ] || return 0
  {
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "$2" -keyout "$to.key" -out "$to.csr" &&
      openssl x509 -req -in "$to.csr" -CA "$PKI/ca.crt" -CAkey "$PKI/ca.key" -CAcreateserial -days 3650 -out "$to.new" \
        -extfile <(
          echo basicConstraints=CA:FALSE
          echo keyUsage=digitalSignature,keyEncipherment
          echo extendedKeyUsage=clientAuth,serverAuth
          [ -z "${3-}" ] || echo "subjectAltName=$3"
        ) && mv "$to.new" "$to.crt" && rm -f "$to.csr"
  } 2>"$PKI/log" || die "openssl could not make the certificate $1: see $PKI/log"
}

kubeconfig() { # NAME
  local to=$PKI/$1
  cat >"$to.kubeconfig" <<CONFIG
apiVersion: v1
kind: Config
clusters:
- name: $NAME
  cluster: {server: "$API_URL", certificate-authority-data: $(base64 -w0 "$PKI/ca.crt")}
users:
- name: $1
  user: {client-certificate-data: $(base64 -w0 "$to.crt"), client-key-data: $(base64 -w0 "$to.key")}
contexts:
- name: $NAME
  context: {cluster: $NAME, user: $1}
current-context: $NAME
CONFIG
}
