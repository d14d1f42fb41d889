// Package explorer is the page that a node serves at the root of its RPC
// listener: blocks arriving, height and finality over time; validators in every
// state with their history, epochs and what each changed, evidence, a scheduled
// upgrade with its window and who is ready; and a search by height, hash, account
// and validator.
//
// The page is plain HTML, CSS and JavaScript modules, embedded as they stand:
// nothing is built, nothing is fetched from elsewhere, and its content security
// policy allows only its own origin. It uses the public RPC (Connect with JSON),
// so it shows nothing that any client could not ask for.
//
// Guarded by explorer_test.go, and by test/explorer, where a headless browser
// looks at the page of a running network.
package explorer
