package mesh_test

import (
	"encoding/json"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"leafmesh/mesh"
)

// A stock client finds the node as a service, as nats micro ls, info and stats do, and calls its
// endpoints.
func TestStockClientsSeeTheNodeAsAService(t *testing.T) {
	_, conn := tapped(t, mesh.Config{Name: "core-1"})
	get := func(verb micro.Verb, name, id string, into any) {
		t.Helper()
		subject, err := micro.ControlSubject(verb, name, id)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(question(t, conn, subject, nil).Data, into); err != nil {
			t.Fatal(err)
		}
	}
	var ping micro.Ping
	get(micro.PingVerb, "", "", &ping)
	if ping.Type != micro.PingResponseType || ping.Name != "leafmesh" || ping.ID == "" || ping.Version == "" || ping.Metadata["node"] != "core-1" {
		t.Errorf("%+v", ping)
	}
	var info micro.Info
	get(micro.InfoVerb, "leafmesh", "", &info)
	var subjects []string
	for _, e := range info.Endpoints {
		subjects = append(subjects, e.Subject)
	}
	slices.Sort(subjects)
	want := strings.Fields("all.> at.> cut graph graph.mermaid health kept letter letter.drop letter.replay letters limit.new limit.set limit.unset may places reload restore retrying rules rules.set slowest stats why why.text")
	for i := range want {
		want[i] = "mesh.ops." + want[i]
	}
	if info.Type != micro.InfoResponseType || !slices.Equal(subjects, want) {
		t.Errorf("%s: %q", info.Type, subjects)
	}
	for _, subject := range subjects[2:] { // each is answered, if only with what is wrong
		question(t, conn, subject, []byte("x"))
	}
	question(t, conn, "mesh.ops.stats", nil)
	var seen micro.Stats
	get(micro.StatsVerb, "leafmesh", ping.ID, &seen)
	at := slices.IndexFunc(seen.Endpoints, func(e *micro.EndpointStats) bool { return e.Subject == "mesh.ops.stats" })
	if seen.Type != micro.StatsResponseType || at < 0 || seen.Endpoints[at].NumRequests != 2 || seen.Endpoints[at].NumErrors != 1 || !strings.Contains(seen.Endpoints[at].LastError, "stats takes none") {
		t.Errorf("%+v", seen)
	}
}

// Whatever a request names for its answer, the node publishes nothing on the subject of an event.
func TestAnswersGoToInboxesOnly(t *testing.T) {
	var log logged
	_, conn := tapped(t, mesh.Config{Name: "core-1", Logger: slog.New(slog.NewTextHandler(&log, nil))})
	heard, err := conn.SubscribeSync("core.>")
	if err != nil {
		t.Fatal(err)
	}
	asked := []string{"mesh.ops.stats", "mesh.ops.nonsense", "mesh.ops.all.stats", "mesh.emit.core.step.taken", "$SRV.PING"}
	for _, subject := range asked {
		if err := conn.PublishMsg(&nats.Msg{Subject: subject, Reply: "core.step.taken.a"}); err != nil {
			t.Fatal(err)
		}
	}
	for _, subject := range asked { // each was served when one after it is
		question(t, conn, subject, nil)
	}
	if m, err := heard.NextMsg(1); err == nil {
		t.Errorf("%s: %s", m.Subject, m.Data)
	}
	await(t, "a line about the answers", func() bool {
		return strings.Contains(log.String(), "a request at the tap is not answered: the answer would go to no inbox")
	})
}
