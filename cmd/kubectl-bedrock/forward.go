package main

import (
	"context"
	"fmt"
	"io"
	"net/http"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/transport/spdy"
	"k8s.io/streaming/pkg/httpstream"
)

// newForwarder reaches ports of pods as `kubectl port-forward` does, each on a free
// loopback port: the answer is HOST:PORT, until stop is called.
func newForwarder(config *rest.Config) (func(ctx context.Context, pod *corev1.Pod, port int) (string, func(), error), error) {
	core, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("reach the API server: %w", err)
	}
	// A forwarding lasts as long as it is used: the API calls' bound is not its own.
	stream := rest.CopyConfig(config)
	stream.Timeout = 0
	transport, upgrader, err := spdy.RoundTripperFor(stream)
	if err != nil {
		return nil, fmt.Errorf("reach pods through the API server: %w", err)
	}
	return func(ctx context.Context, pod *corev1.Pod, port int) (string, func(), error) {
		url := core.CoreV1().RESTClient().Post().Resource("pods").Namespace(pod.Namespace).Name(pod.Name).SubResource("portforward").URL()
		dialer := spdy.NewDialerForStreaming(upgrader, &http.Client{Transport: transport}, http.MethodPost, url)
		return forward(ctx, dialer, pod.Name, port)
	}, nil
}

func forward(ctx context.Context, dialer httpstream.Dialer, pod string, port int) (string, func(), error) {
	live, cancel := context.WithCancel(context.WithoutCancel(ctx))
	ready := make(chan struct{})
	f, err := portforward.NewOnAddressesForStreamingWithContext(live, dialer, []string{"127.0.0.1"}, []string{fmt.Sprintf("0:%d", port)}, ready, io.Discard, io.Discard)
	if err != nil {
		cancel()
		return "", nil, fmt.Errorf("forward a port to %s: %w", pod, err)
	}
	ended := make(chan error, 1)
	go func() { ended <- f.ForwardPorts() }()
	stop := func() { cancel(); <-ended }
	select {
	case <-ready:
	case err := <-ended:
		cancel()
		return "", nil, fmt.Errorf("forward a port to %s: %w (needs the right to create pods/portforward)", pod, err)
	case <-ctx.Done():
		cancel()
		return "", nil, fmt.Errorf("forward a port to %s: %w", pod, ctx.Err())
	}
	ports, err := f.GetPorts()
	if err != nil || len(ports) != 1 {
		stop()
		return "", nil, fmt.Errorf("forward a port to %s: %d ports, %w", pod, len(ports), err)
	}
	return fmt.Sprintf("127.0.0.1:%d", ports[0].Local), stop, nil
}
