// Package apitest starts a real Kubernetes API server with the project's CRDs, for the
// tests of one package.
//
// One server serves all tests of a package, each in a namespace of its own: a start takes
// seconds and a namespace nothing. There are no controllers and no kubelets behind it:
// nothing is garbage-collected, no pod starts, namespaces never end; a test that needs
// such a thing writes the status itself or belongs in test/e2e.
//
// A package's tests take it so:
//
//	var api *apitest.Server
//
//	func TestMain(m *testing.M) { os.Exit(apitest.Main(m, &api, apitest.Options{})) }
//
//	func TestSomething(t *testing.T) {
//		c, namespace := api.Client(t), api.Namespace(t)
//
// The programs are compiled once per machine by "hack/setup envtest"; where they are
// missing, tests fail and say so: they are never skipped. Guarded by apitest_test.go.
package apitest
