package mesh

import (
	"context"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/internal/delivery"
	"leafmesh/mesh/internal/inlet"
	"leafmesh/mesh/internal/rules"
	"leafmesh/mesh/internal/steps"
)

// inletType is what an inlet has to know of an event type.
func (f *flow) inletType(subject string) inlet.Type {
	t := f.table.Load().types[subject]
	return inlet.Type{
		Type:     t.Type,
		Rules:    func() []*rules.Rule { return t.rules.Load().Import },
		Handlers: t.handlers.Names(),
		Admit: func(h *cause.Header, again bool) error {
			if !again {
				f.trace.Arrived(h)
			}
			return f.refuseAt(steps.At(steps.Import), h, f.guard.Import(h))
		},
		Enter: func(ctx context.Context, h *cause.Header, payload []byte, p delivery.Pressure, d *delivery.Handover) error {
			err := t.inbound.Deliver(ctx, h, payload, p, d) // to the handlers, and to the tap
			if err == nil {
				t.Admitted.Pass(h)
			}
			return err
		},
	}
}
