package meshtest_test

import (
	"net"
	"strconv"
	"testing"

	"leafmesh/mesh/meshtest"
)

// Each address is another one, can be listened at, and is none that a system gives out by itself.
func TestFreeAddress(t *testing.T) {
	given := map[string]bool{}
	for range 50 {
		address := meshtest.FreeAddress(t)
		if given[address] {
			t.Fatalf("%s was given twice", address)
		}
		given[address] = true
		_, port, err := net.SplitHostPort(address)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := strconv.Atoi(port); err != nil || n >= 32768 {
			t.Errorf("a system may give port %s to who dials", port)
		}
		listener, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := listener.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}
