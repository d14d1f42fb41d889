package p2p

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"

	p2pv1 "github.com/bedrock-bft/bedrock/proto/bedrock/p2p/v1"
)

// FuzzHello feeds a handshake with anything: a hello that is refused is refused in a
// text that can be sent, and of one that is taken only usable addresses are kept.
func FuzzHello(f *testing.F) {
	ours := &p2pv1.Hello{ChainId: "chain", GenesisHash: bytes.Repeat([]byte{1}, 32), ProtocolMin: 1, ProtocolMax: 2,
		Role: p2pv1.Role_ROLE_VALIDATOR, Session: make([]byte, sessionBytes), Addresses: []string{"10.0.0.1:4001", "/ip4/1.2.3.4/udp/1/quic-v1", "h:0"}}
	other := proto.Clone(ours).(*p2pv1.Hello)
	other.ChainId, other.GenesisHash = strings.Repeat("é", 300), bytes.Repeat([]byte{7}, 400)
	for _, m := range []proto.Message{ours, other, &p2pv1.HelloReply{Refusal: "no"}, &p2pv1.HelloReply{Hello: ours}, &p2pv1.HelloReply{}} {
		var b bytes.Buffer
		if err := writeMessage(&b, m); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes())
	}
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		var theirs p2pv1.Hello
		if err := readMessage(bytes.NewReader(data), &theirs); err == nil {
			judged(t, ours, &theirs)
		}
		var reply p2pv1.HelloReply
		if err := readMessage(bytes.NewReader(data), &reply); err == nil {
			if text := clipText(reply.GetRefusal()); !utf8.ValidString(text) || len(text) > 3*maxRefusalBytes {
				t.Fatalf("a refusal of %d bytes for a log: %q", len(text), text)
			}
			judged(t, ours, reply.GetHello())
		}
	})
}

func judged(t *testing.T, ours, theirs *p2pv1.Hello) {
	t.Helper()
	if why := judgeHello(ours, theirs); why != "" {
		if err := writeMessage(io.Discard, &p2pv1.HelloReply{Refusal: why}); err != nil {
			t.Fatalf("the refusal %q cannot be sent: %v", why, err)
		}
		return
	}
	if len(theirs.GetSession()) != sessionBytes || theirs.GetChainId() != ours.GetChainId() {
		t.Fatalf("taken: %v", theirs)
	}
	for _, a := range usable(theirs.GetAddresses()) {
		if _, err := resolve(context.Background(), noNames{}, []string{a}); err != nil && !errors.Is(err, errNoName) {
			t.Fatalf("the announced address %q was kept and cannot be dialled: %v", a, err)
		}
	}
}

var errNoName = errors.New("no such name")

// noNames is a resolver that knows one name.
type noNames struct{}

func (noNames) LookupIPAddr(_ context.Context, host string) ([]net.IPAddr, error) {
	if host == "known" {
		return []net.IPAddr{{IP: net.IPv4(10, 0, 0, 9)}, {IP: net.ParseIP("fe80::1"), Zone: "eth0"}}, nil
	}
	return nil, errNoName
}

// FuzzParsePeer reads texts as peers and addresses to listen on: what is accepted can
// be dialled once its name resolves, and comes back from its own text.
func FuzzParsePeer(f *testing.F) {
	id := strings.Repeat("ab", 32)
	for _, s := range []string{id + "@10.0.0.1:4001", id + "@known:1,[::1]:2,/ip4/1.2.3.4/udp/1/quic-v1", id + "@[fe80::1%eth0]:9",
		id + "@:70000", "@", id + "@/dns4/x", strings.ToUpper(id) + "@a.b.example:65535", id + "@,"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if a, err := listenAddress(s); err == nil && a == nil {
			t.Fatalf("%q is an address to listen on, and none", s)
		}
		p, err := ParsePeer(s)
		if err != nil {
			return
		}
		again, err := ParsePeer(p.ID.String() + "@" + strings.Join(p.Addresses, ","))
		if err != nil || !reflect.DeepEqual(again, p) {
			t.Fatalf("%q gives %+v, its text gives %+v: %v", s, p, again, err)
		}
		for _, a := range p.Addresses {
			found, err := resolve(context.Background(), noNames{}, []string{a})
			if err != nil && !errors.Is(err, errNoName) || err == nil && (len(found) == 0 || len(found) > maxResolved) {
				t.Fatalf("address %q: %v, %v", a, found, err)
			}
		}
	})
}

// FuzzRequest feeds the answerer of a request with anything: it reads what was
// announced, all of it, or nothing.
func FuzzRequest(f *testing.F) {
	f.Add([]byte("\x02\x00\x00\x00ok"), uint16(64))
	f.Add([]byte("\x00\x00\x00\x00"), uint16(0))
	f.Add([]byte("\xff\xff\xff\xff"), uint16(9))
	f.Add(append([]byte{0, 0, 2, 0}, make([]byte, 1<<17)...), uint16(60_000))
	f.Fuzz(func(t *testing.T, data []byte, most uint16) {
		r := bytes.NewReader(data)
		got, err := readSized(r, int(most))
		if err != nil {
			return
		}
		if len(got) > int(most) || !bytes.Equal(got, data[4:4+len(got)]) || r.Len() != len(data)-4-len(got) {
			t.Fatalf("%d bytes of at most %d came out of %d", len(got), most, len(data))
		}
		var answer bytes.Buffer
		if err := writeAnswer(&answer, statusOK, got); err != nil {
			t.Fatal(err)
		}
		if again, err := readAnswer(&answer, PeerID{}, int(most)); err != nil || !bytes.Equal(again, got) {
			t.Fatalf("an answer of %d bytes came back with %d: %v", len(got), len(again), err)
		}
	})
}
