//go:build unix

package transact_test

import (
	"bufio"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
)

// withPostgres runs tests, and then stops the server that they may have started.
type withPostgres struct{ *testing.M }

// Run is that of *testing.M.
func (m withPostgres) Run() int {
	code := m.M.Run()
	if err := server.stop(); err != nil {
		fmt.Println(err)
		return 1
	}
	return code
}

// schemas counts the schemas that tests have made.
var schemas atomic.Int64

// server is the PostgreSQL of all tests of this program, in a directory of its own.
var server postgres

type postgres struct {
	start sync.Once
	err   error
	dir   string
	dsn   string
	child *exec.Cmd
	stdin io.Closer // its end ends the server, also when this program is killed
}

// postgresDSN starts the server, the first time, and says how it is reached.
func postgresDSN(t *testing.T) string {
	t.Helper()
	programs, err := postgresPrograms()
	if err != nil {
		withoutPostgres(t, err.Error())
	}
	server.start.Do(func() { server.err = server.run(programs) })
	if server.err != nil {
		t.Fatal(server.err)
	}
	return server.dsn
}

// postgresPrograms is the directory of initdb and postgres: the PATH's, or the newest that
// Debian's packages have installed.
func postgresPrograms() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		if _, err := os.Stat(filepath.Join(filepath.Dir(path), "postgres")); err == nil {
			return filepath.Dir(path), nil
		}
	}
	found, newest := "", 0
	installed, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if err != nil {
		return "", err
	}
	for _, path := range installed {
		version, err := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path))))
		if err == nil && version > newest {
			found, newest = filepath.Dir(path), version
		}
	}
	if found == "" {
		return "", errors.New("PostgreSQL is not installed: neither in PATH nor in /usr/lib/postgresql")
	}
	return found, nil
}

func (p *postgres) run(programs string) (err error) {
	// Not below the directory of a test, which nobody else may enter.
	if p.dir, err = os.MkdirTemp("", "transact-postgres-"); err != nil {
		return err
	}
	password := rand.Text()
	secret := filepath.Join(p.dir, "password")
	if err := os.WriteFile(secret, []byte(password), 0o600); err != nil {
		return err
	}
	as, err := unprivileged(p.dir, secret)
	if err != nil {
		return err
	}
	data := filepath.Join(p.dir, "data")
	initdb := exec.Command(filepath.Join(programs, "initdb"), "-D", data, "-U", "test", "-A", "scram-sha-256", "--pwfile", secret,
		"--no-sync", "--encoding=UTF8", "--locale=C")
	initdb.Dir, initdb.SysProcAttr = p.dir, as
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, out)
	}
	p.dsn = fmt.Sprintf("host=%s port=5432 user=test password=%s dbname=postgres", p.dir, password)
	// The shell ends the server at the end of its standard input.
	p.child = exec.Command("/bin/sh", "-c", `"$@" & read -r _; kill -INT $!; wait $!`, "sh", filepath.Join(programs, "postgres"), "-D", data,
		"-k", p.dir, "-c", "listen_addresses=", "-c", "fsync=off", "-c", "max_connections=60", "-c", "lc_messages=C")
	p.child.Dir, p.child.SysProcAttr = p.dir, as
	if p.stdin, err = p.child.StdinPipe(); err != nil {
		return err
	}
	log, write := io.Pipe()
	p.child.Stderr = write
	if err := p.child.Start(); err != nil {
		return err
	}
	return awaitReady(log)
}

// awaitReady reads the server's log until it says that the server is ready, and goes on
// reading.
func awaitReady(log *io.PipeReader) error {
	ready := make(chan error, 1)
	go func() {
		var all strings.Builder
		for lines := bufio.NewScanner(log); lines.Scan(); {
			all.WriteString(lines.Text() + "\n")
			if strings.Contains(lines.Text(), "ready to accept connections") {
				ready <- nil
				_, _ = io.Copy(io.Discard, log)
				return
			}
			if strings.Contains(lines.Text(), "FATAL") {
				ready <- fmt.Errorf("PostgreSQL does not start: %s", &all)
			}
		}
	}()
	return <-ready
}

func (p *postgres) stop() error {
	var errs []error
	if p.child != nil && p.child.Process != nil {
		errs = append(errs, p.stdin.Close(), p.child.Wait())
		errs = append(errs, p.child.Stderr.(*io.PipeWriter).Close())
	}
	if p.dir != "" {
		errs = append(errs, os.RemoveAll(p.dir))
	}
	return errors.Join(errs...)
}

// unprivileged gives files to a user other than root, as whom PostgreSQL does not run.
func unprivileged(files ...string) (*syscall.SysProcAttr, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	who, err := user.Lookup("postgres")
	if err != nil {
		who, err = user.Lookup("nobody")
	}
	if err != nil {
		return nil, err
	}
	uid, err := strconv.ParseUint(who.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(who.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		if err := os.Chown(file, int(uid), int(gid)); err != nil {
			return nil, err
		}
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}, nil
}
