package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"maps"
	"math/big"
	"net"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"leafmesh/configs"
	"leafmesh/mesh/meshtest"
)

// hubSite is a cluster of stock nats-servers, each a process, with the configuration that meshctl
// hub writes.
type hubSite struct {
	dir, programs    string
	listen, clusters []string  // host:port of each server
	servers          []*daemon // once they are started
}

// newHubSite builds nats-server and meshctl, and chooses the addresses of so many servers.
func newHubSite(t *testing.T, servers int) *hubSite {
	t.Helper()
	h := &hubSite{dir: t.TempDir(), programs: t.TempDir()}
	out, err := exec.Command("go", "build", "-o", h.programs+string(filepath.Separator), "github.com/nats-io/nats-server/v2", "leafmesh/cmd/meshctl").CombinedOutput()
	if err != nil {
		t.Fatalf("build nats-server and meshctl: %v\n%s", err, out)
	}
	for range servers {
		h.listen, h.clusters = append(h.listen, meshtest.FreeAddress(t)), append(h.clusters, meshtest.FreeAddress(t))
	}
	h.writeAuthority(t)
	return h
}

func (h *hubSite) path(name string) string { return filepath.Join(h.dir, name) }

// writeAuthority makes a CA, and a certificate of it for servers on this machine.
func (h *hubSite) writeAuthority(t *testing.T) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	root := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	own := &x509.Certificate{SerialNumber: big.NewInt(2), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write(t, h.path("hub.key"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))
	for name, template := range map[string]*x509.Certificate{"ca.pem": root, "hub.pem": own} {
		der, err := x509.CreateCertificate(rand.Reader, template, root, key.Public(), key)
		if err != nil {
			t.Fatal(err)
		}
		write(t, h.path(name), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	}
}

// join lets a node meet others at the hub, and nowhere else.
func (h *hubSite) join(t *testing.T) edit {
	return func(_ string, node map[string]any) {
		name := node["name"].(string)
		writeKeys(t, h.dir, name)
		var urls []string
		for _, address := range h.listen {
			urls = append(urls, "tls://"+address)
		}
		node["hub"] = map[string]any{"urls": urls, "seed": map[string]string{"file": h.path(name + ".seed")}, "ca": h.path("ca.pem")}
	}
}

// example gives a service's node what configs/hub has, but for where the hub is and where data
// lies.
func (h *hubSite) example(t *testing.T) edit {
	join := h.join(t)
	return func(service string, node map[string]any) {
		shipped, err := configs.Files.ReadFile("hub/" + service + ".yaml")
		if err != nil {
			t.Fatal(err)
		}
		var file struct {
			Mesh map[string]any `yaml:"mesh"`
		}
		if err := yaml.Unmarshal(shipped, &file); err != nil {
			t.Fatal(err)
		}
		clear(node)
		maps.Copy(node, file.Mesh)
		node["data"] = "data-" + service + "/mesh"
		join(service, node)
	}
}

// configure writes the servers' configuration from the files of all nodes, as an operator would,
// and has nats-server test it.
func (h *hubSite) configure(t *testing.T, files ...string) {
	t.Helper()
	for i := range h.listen {
		args := []string{"hub", "--name", fmt.Sprint("hub-", i), "--listen", h.listen[i], "--certificate", h.path("hub.pem"), "--key", h.path("hub.key"), "--ca", h.path("ca.pem")}
		if len(h.listen) > 1 {
			args = append(args, "--cluster", h.clusters[i])
			for _, address := range h.clusters {
				args = append(args, "--route", address)
			}
		}
		out, err := exec.Command(filepath.Join(h.programs, "meshctl"), append(args, files...)...).Output()
		if err != nil {
			t.Fatalf("meshctl hub: %v\n%s", err, errorOf(err))
		}
		write(t, h.config(i), out)
		if out, err := exec.Command(filepath.Join(h.programs, "nats-server"), "-t", "-c", h.config(i)).CombinedOutput(); err != nil {
			t.Fatalf("nats-server -t: %v\n%s", err, out)
		}
	}
}

func errorOf(err error) []byte {
	if exit, ok := err.(*exec.ExitError); ok {
		return exit.Stderr
	}
	return nil
}

func (h *hubSite) config(server int) string { return h.path(fmt.Sprintf("hub-%d.conf", server)) }

// start starts the servers. They are stopped when the test ends.
func (h *hubSite) start(t *testing.T) {
	t.Helper()
	for i := range h.listen {
		h.servers = append(h.servers, startDaemon(t, filepath.Join(h.programs, "nats-server"), h.config(i)))
	}
	for _, s := range h.servers {
		s.await(t, `Server is (ready)`)
	}
}

// reload has the servers read their files again, one after the other.
func (h *hubSite) reload(t *testing.T) {
	t.Helper()
	for _, s := range h.servers {
		signal := fmt.Sprintf("reload=%d", s.process.Process.Pid)
		if out, err := exec.Command(filepath.Join(h.programs, "nats-server"), "--signal", signal).CombinedOutput(); err != nil {
			t.Fatalf("nats-server --signal %s: %v\n%s", signal, err, out)
		}
		s.await(t, `(Reloaded): accounts`)
	}
}
