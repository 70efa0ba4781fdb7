package browser

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/console"
	"leafmesh/mesh/door"
	"leafmesh/mesh/inproc"
)

// order is what the events of the shop carry.
type order struct {
	Customer string `cbor:"1,keyasint"`
}

func key(o order) string { return o.Customer }

var (
	placed   = mesh.NewEvent("shop.order.placed", mesh.Key(key))
	accepted = mesh.NewEvent("shop.order.accepted", mesh.Key(key))
	packed   = mesh.NewEvent("store.parcel.packed", mesh.Key(key))
	sent     = mesh.NewEvent("store.parcel.sent", mesh.Key(key))
	billed   = mesh.NewEvent("bank.invoice.written", mesh.Key(key))
	booked   = mesh.NewEvent("bank.payment.booked", mesh.Key(key))
)

// The customers for whom something goes wrong.
const (
	broke   = "customer-7"  // whose invoices fail for good
	unlucky = "customer-11" // whose parcels need several tries
)

// shop is a mesh of three nodes, of which one fails for one customer, whose orders come all the
// time.
type shop struct {
	nodes inproc.Nodes
	url   string
}

func then(next *mesh.Event[order]) func(context.Context, order) error {
	return func(ctx context.Context, o order) error { return next.Emit(ctx, o) }
}

func openShop(t *testing.T) shop {
	t.Helper()
	few := mesh.Limit{Rate: mesh.Per(400, time.Second), Burst: 400, Policy: mesh.Wait}
	kept := accepted.Export(few)
	kept.KeptFor = []string{"store", "bank"}
	durable := func(e *mesh.Event[order]) mesh.Import {
		i := e.Import(few, mesh.Shared)
		i.Durable, i.Redelivery = true, mesh.Redelivery{Tries: 2, After: 500 * time.Millisecond}
		return i
	}
	data := t.TempDir()
	at := func(name string) mesh.Path { return mesh.Path(data + "/" + name) }
	nodes, err := inproc.Open(t.Context(),
		mesh.Config{Name: "shop-1", Data: at("shop"), Exports: []mesh.Export{kept},
			Imports:  []mesh.Import{sent.Import(few, mesh.Shared)},
			Limits:   []mesh.Rule{{Name: "few-orders", Event: placed.Subject(), Limit: mesh.Limit{Rate: mesh.Per(120, time.Second), Burst: 20, Policy: mesh.Shed}}},
			Handlers: []mesh.Handler{placed.Handle("accept", then(accepted)), sent.Handle("tell", func(context.Context, order) error { return nil })}},
		mesh.Config{Name: "store-1", Data: at("store"), Imports: []mesh.Import{durable(accepted)}, Exports: []mesh.Export{sent.Export(few)}, Handlers: []mesh.Handler{
			accepted.Handle("pack", then(packed)),
			packed.Handle("send", func(ctx context.Context, o order) error {
				if o.Customer == unlucky {
					return errors.New("the van has not come")
				}
				return sent.Emit(ctx, o)
			}, mesh.Retry{Tries: 5, FirstPause: 2 * time.Second, LongestPause: 8 * time.Second}),
		}},
		mesh.Config{Name: "bank-1", Data: at("bank"), Imports: []mesh.Import{durable(accepted)}, Handlers: []mesh.Handler{
			accepted.Handle("bill", func(ctx context.Context, o order) error {
				if o.Customer == broke {
					return fmt.Errorf("write the invoice of %s: %w", o.Customer, errors.New("no such account"))
				}
				return billed.Emit(ctx, o)
			}, mesh.Retry{Tries: 3, FirstPause: 4 * time.Millisecond}),
			billed.Handle("book", then(booked)),
		}})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range nodes {
		n.Measure()
	}
	server, err := console.Serve(console.Config{Listen: "127.0.0.1:0"}, console.Options{Source: console.Nodes(nodes), Changer: console.Nodes(nodes)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		sell(ctx, nodes[0])
	}()
	t.Cleanup(func() {
		end()
		<-ended
		closeAll(t, server, nodes)
	})
	ready, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := nodes.Ready(ready); err != nil {
		t.Fatal(err)
	}
	return shop{nodes, server.URL()}
}

// sell places 50 orders a second of 20 customers. What a rule stops is what the page shows.
func sell(ctx context.Context, node *mesh.Node) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for i := 0; ; i++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			_ = placed.Emit(node.Context(ctx), order{fmt.Sprintf("customer-%d", i%20)})
		}
	}
}

// closeAll ends the shop without its unlucky customer, whose parcels would be tried for half a
// minute.
func closeAll(t *testing.T, server *door.Server, nodes inproc.Nodes) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := server.Close(ctx); err != nil {
		t.Error(err)
	}
	soon, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	if err := nodes.Close(soon); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}
