// Package podtrouble reads from a pod's status why it does not come up: no node fits, an
// image or a Secret is missing, the program ends. It is what only the cluster can know,
// in words for conditions.
//
// It must do no I/O, and claim nothing that a pod's or a Job's status does not say.
// Guarded by the tables in podtrouble_test.go and job_test.go.
package podtrouble
