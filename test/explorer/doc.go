// Package explorer looks at the explorer page of a running network with a
// headless browser: at a desk's width and at a phone's, by every kind of search; and at validators in
// every state and a scheduled upgrade, over a chain in memory.
//
// It needs Chromium (`hack/setup browser`). Screenshots go to the folder that
// BEDROCK_SCREENSHOTS names, if it is set.
package explorer
