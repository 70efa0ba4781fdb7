package main

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"leafmesh/mesh/hub"
)

// servers are the processes of a hub.
type servers struct {
	dir, program string
	urls         []string
	clusters     []string
	processes    []*exec.Cmd
}

// newServers chooses addresses and makes a CA and a certificate.
func newServers(dir, program string, count int) (*servers, error) {
	s := &servers{dir: dir, program: program, processes: make([]*exec.Cmd, count)}
	for range count {
		addresses, err := freeAddresses(2)
		if err != nil {
			return nil, err
		}
		s.urls, s.clusters = append(s.urls, "tls://"+addresses[0]), append(s.clusters, addresses[1])
	}
	return s, s.writeAuthority()
}

// urlsOf are those that a node dials. The two that time events are at different servers, if there
// are several.
func (s *servers) urlsOf(node int) []string {
	if node < 2 && len(s.urls) > 1 {
		return s.urls[node : node+1]
	}
	return s.urls
}

// victim is the server that is killed: no node has that one alone, if there are several.
func (s *servers) victim() int { return len(s.urls) - 1 }

func freeAddresses(count int) (all []string, err error) {
	for range count {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, l.Close()) }()
		all = append(all, l.Addr().String())
	}
	return all, nil
}

func (s *servers) path(name string) string { return filepath.Join(s.dir, name) }

// writeAuthority makes a CA, and a certificate of it for servers on this machine.
func (s *servers) writeAuthority() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	root := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "scale"}, NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	own := &x509.Certificate{SerialNumber: big.NewInt(2), NotAfter: root.NotAfter, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	if err := s.writePEM("hub.key", "PRIVATE KEY", private); err != nil {
		return err
	}
	for name, template := range map[string]*x509.Certificate{"ca.pem": root, "hub.pem": own} {
		der, err := x509.CreateCertificate(rand.Reader, template, root, key.Public(), key)
		if err != nil {
			return err
		}
		if err := s.writePEM(name, "CERTIFICATE", der); err != nil {
			return err
		}
	}
	return nil
}

func (s *servers) writePEM(name, kind string, der []byte) error {
	return os.WriteFile(s.path(name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
}

// start writes the configuration of all servers and starts them.
func (s *servers) start(h *hub.Hub) error {
	for i, url := range s.urls {
		spec := hub.Server{Name: fmt.Sprint("hub-", i), Listen: strings.TrimPrefix(url, "tls://"), Certificate: s.path("hub.pem"), Key: s.path("hub.key"), CA: s.path("ca.pem")}
		if len(s.urls) > 1 {
			spec.Cluster, spec.Routes = s.clusters[i], s.clusters
		}
		if err := os.WriteFile(s.config(i), []byte(h.Render(spec)), 0o600); err != nil {
			return err
		}
		if err := s.startOne(i); err != nil {
			return err
		}
	}
	return nil
}

func (s *servers) config(i int) string { return s.path(fmt.Sprintf("hub-%d.conf", i)) }

// startOne starts a server and waits until it is ready.
func (s *servers) startOne(i int) error {
	process := exec.Command(s.program, "-c", s.config(i))
	log, err := process.StderrPipe()
	if err != nil {
		return err
	}
	if err := process.Start(); err != nil {
		return err
	}
	s.processes[i] = process
	lines := bufio.NewScanner(log)
	for lines.Scan() {
		if strings.Contains(lines.Text(), "Server is ready") {
			go func() { _, _ = io.Copy(io.Discard, log) }() // until it ends
			return nil
		}
	}
	return errors.New("a server of the hub did not start")
}

// kill ends a server at once.
func (s *servers) kill(i int) error {
	if s.processes[i] == nil {
		return nil
	}
	err := s.processes[i].Process.Kill()
	_ = s.processes[i].Wait() // it was killed
	s.processes[i] = nil
	return err
}

func (s *servers) stop() (err error) {
	for i := range s.processes {
		err = errors.Join(err, s.kill(i))
	}
	return err
}

// memory is what a server takes on average, in bytes.
func (s *servers) memory() (bytes float64, err error) {
	for _, p := range s.processes {
		one, err := residentOf(p.Process.Pid)
		if err != nil {
			return 0, err
		}
		bytes += one / float64(len(s.processes))
	}
	return bytes, nil
}

// residentOf is what a process has in memory, in bytes. It needs Linux.
func residentOf(pid int) (bytes float64, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if _, err := fmt.Sscanf(line, "VmRSS: %f kB", &bytes); err == nil {
			return bytes * 1024, nil
		}
	}
	return 0, fmt.Errorf("process %d does not say what it takes", pid)
}
