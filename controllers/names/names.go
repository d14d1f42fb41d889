package names

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
)

// Ports on which a node listens in its pod.
const (
	PortP2P   = 7600 // UDP
	PortRPC   = 7601 // TCP
	PortAdmin = 7602 // TCP, TLS with pinned keys
	PortOps   = 7603 // TCP: healthz, readyz, metrics
)

// Validator is the name of the i-th (from 0) validator of a network, or of one of its
// groups (group empty: the network has no groups).
func Validator(network, group string, i int) string {
	if group == "" {
		return fmt.Sprintf("%s-%d", network, i)
	}
	return fmt.Sprintf("%s-%s-%d", network, group, i)
}

// IsValidator says whether a network could give that name to one of its validators, as
// Validator does.
func IsValidator(network, name string) bool {
	rest, ours := strings.CutPrefix(name, network+"-")
	number := rest[strings.LastIndexByte(rest, '-')+1:]
	_, err := strconv.ParseUint(number, 10, 16)
	return ours && err == nil
}

// Instance is the name of the StatefulSet of one instance, of its ConfigMap and of its
// headless Service; the pod's name is it with "-0".
func Instance(validator string, number int32) string {
	return fmt.Sprintf("%s-i%d", validator, number)
}

// Pod is the name of an instance's one pod.
func Pod(validator string, number int32) string { return Instance(validator, number) + "-0" }

// SignerClaim is the name of an instance's signer volume claim. // rule: own-pvcs
func SignerClaim(validator string, number int32) string {
	return fmt.Sprintf("%s-signer-%d", validator, number)
}

// ChainClaim is the name of an instance's chain volume claim. // rule: own-pvcs
func ChainClaim(validator string, number int32) string {
	return fmt.Sprintf("%s-chain-%d", validator, number)
}

// IdentityJob is the name of the Job that makes an instance's identity.
func IdentityJob(validator string, number int32) string {
	return fmt.Sprintf("%s-identity-%d", validator, number)
}

// P2PService is the name of an instance's Service for nodes elsewhere, by its exposure.
// Validators of the network dial the headless Service (Instance) instead: its name is the
// pod's own address, resolved at each dial, so that no address translation outlives a
// pod. // rule: peers-by-name
func P2PService(validator string, number int32) string { return Instance(validator, number) + "-p2p" }

// Disruption is the name of a validator's PodDisruptionBudget, which covers the pods
// of all its instances. // rule: pdb-two-states
func Disruption(validator string) string { return validator }

// TokenLedger is the name of a network's ConfigMap of disruption tokens. // rule: token-ledger
func TokenLedger(network string) string { return network + "-disruptions" }

// OperatorKeys is the Secret of the keys with which the operator acts on chains, one in
// each namespace, with an entry a network. It has one name everywhere, because a right
// can be held to names and to no pattern of names. // rule: delegate-only
const OperatorKeys = "bedrock-operator-keys"

// GenesisConfigMap is the name of the ConfigMap of a genesis document, by its hash.
func GenesisConfigMap(network string, hash v1alpha1.Hash) string {
	return fmt.Sprintf("%s-genesis-%.12s", network, hash)
}

// ImageJob is the name of the Job that asks a network's next image what it is.
func ImageJob(network string) string { return network + "-image" }

// FullNodes is the name of a network's StatefulSet of full nodes.
func FullNodes(network string) string { return network + "-full" }

// FullNodeClaim is the name of the i-th full node's volume claim, as its StatefulSet
// makes it of the template "chain".
func FullNodeClaim(network string, i int32) string {
	return fmt.Sprintf("chain-%s-%d", FullNodes(network), i)
}

// RPCService is the name of a network's Service for clients.
func RPCService(network string) string { return network + "-rpc" }

// RPCURL is the address of the RPC behind a headless Service, as the operator dials it.
func RPCURL(namespace, service string) string {
	return fmt.Sprintf("http://%s.%s.svc:%d", service, namespace, PortRPC)
}

// AdminURL is the address of the admin service behind a headless Service.
func AdminURL(namespace, service string) string {
	return fmt.Sprintf("https://%s.%s.svc:%d", service, namespace, PortAdmin)
}

// KeyClaim is the name of the cluster's claim on a consensus key.
func KeyClaim(consensusKey []byte) string {
	sum := sha256.Sum256(consensusKey)
	return "key-" + hex.EncodeToString(sum[:20])
}
