package leaf

import (
	"fmt"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// rogueExporter is an exporter that lets everything through and says anything: one
// account without permissions.
type rogueExporter struct {
	name   string
	server *server.Server
	conn   *nats.Conn
}

func startRogueExporter(t *testing.T, name string, importers ...*node) *rogueExporter {
	t.Helper()
	users := "{user: out, password: x}"
	for _, importer := range importers {
		users += fmt.Sprintf(", {nkey: %s}", importer.public)
	}
	options := &server.Options{}
	if err := options.ProcessConfigString(fmt.Sprintf("server_name: %s\nno_system_account: true\naccounts { out { users [ %s ] } }\n"+
		"leafnodes { listen: \"127.0.0.1:-1\", compression: off, no_advertise: true }\n", name, users)); err != nil {
		t.Fatal(err)
	}
	options.NoSigs, options.NoLog, options.DontListen = true, true, true
	s, err := server.NewServer(options)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(patience) {
		t.Fatal("the rogue exporter is not ready")
	}
	conn, err := nats.Connect("", nats.InProcessServer(s), nats.UserInfo("out", "x"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	return &rogueExporter{name: name, server: s, conn: conn}
}

func (r *rogueExporter) remote() Remote {
	varz, _ := r.server.Varz(nil)
	return Remote{Name: r.name, URL: fmt.Sprintf("nats-leaf://127.0.0.1:%d", varz.LeafNode.Port)}
}

// awaitInterest waits until an importer's interest in the subject has arrived.
func (r *rogueExporter) awaitInterest(t *testing.T, subject string) {
	t.Helper()
	account, err := r.server.LookupAccount("out")
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "interest in "+subject, func() bool { return account.SubscriptionInterest(subject) })
}
