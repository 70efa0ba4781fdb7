package metrics

import (
	"math"

	"leafmesh/mesh/stats"
)

// families are the metrics of a node that are no histograms.
type families struct {
	ready                                      *family
	events                                     *family
	waiting, slow                              *family
	lines, lineOldest                          *family
	cascades, forgotten                        *family
	linkUp, linkMessages, linkBytes            *family
	outboxEvents, outboxBytes, outboxOldest    *family
	readerBacklog, readerUnderWay, readerAside *family
	readerRedelivered, readerLost              *family
	arrived, importUp, importUnderWay          *family
	letters, lettersOldest                     *family
	spans, spansWaiting                        *family
	recorderKept, recorderBytes, recorderUp    *family
	recorderFellOut, recorderMissed            *family
	recorderLeft, recorderUntold               *family
}

func newFamilies(node string) (f families, all []*family) {
	metric := func(name, help string, labels ...string) *family {
		made := newFamily(node, name, help, labels...)
		all = append(all, made)
		return made
	}
	oldest := func(name, help string, labels ...string) *family {
		made := metric(name, help, labels...)
		made.join = math.Max
		return made
	}
	f = families{
		ready:   metric("ready", "1 while a check of readiness says ok.", "check"),
		events:  metric("events_total", "Events by what became of them.", "outcome", "type", "place", "rule"),
		waiting: metric("waiting_events", "Events in all queues, kept by rules, and between two tries."),
		slow:    metric("slow_calls", "Calls of handlers that run for longer than alarms.handling."),

		lines:      metric("line_waiting_events", "Events that wait for a rule.", "type", "place", "rule"),
		lineOldest: oldest("line_oldest_seconds", "How long the event has waited that came first to a rule.", "type", "place", "rule"),

		cascades:  metric("cascades_known", "Cascades that the guard knows."),
		forgotten: metric("cascades_forgotten_total", "Cascades that made room for others at the guard."),

		linkUp:       metric("link_up", "1 while a link is connected.", "peer", "direction"),
		linkMessages: metric("link_messages_total", "Messages over a link.", "peer", "direction", "way"),
		linkBytes:    metric("link_bytes_total", "Bytes over a link, with its own traffic.", "peer", "direction", "way"),

		outboxEvents: metric("outbox_events", "Events in the outbox, with those that were handled lately."),
		outboxBytes:  metric("outbox_bytes", "Bytes in the outbox."),
		outboxOldest: metric("outbox_oldest_seconds",
			"How long ago the oldest event was stored that a service has still to handle."),

		readerBacklog:     metric("outbox_backlog_events", "Events that a service has not handled.", "service", "type"),
		readerUnderWay:    metric("outbox_under_way_events", "Events that a service's nodes have and have not settled.", "service", "type"),
		readerAside:       metric("outbox_aside_events", "Events that wait to be delivered to a service again.", "service", "type"),
		readerRedelivered: metric("outbox_redelivered_total", "Events that were delivered to a service again.", "service", "type"),
		readerLost:        metric("outbox_lost_total", "Events that were given up for a service.", "service", "type"),

		arrived:  metric("import_arrived_total", "Messages of an import that came, with those that were dropped.", "type"),
		importUp: metric("durable_import_up", "1 while a durable import pulls from a peer.", "peer", "type"),
		importUnderWay: metric("durable_import_under_way_events",
			"Events of a durable import that were taken and not settled.", "peer", "type"),

		letters:       metric("letters", "Dead letters that are kept."),
		lettersOldest: oldest("letters_oldest_seconds", "How long ago the oldest of the dead letters that are kept was given up."),

		spans:           metric("spans_total", "Spans of traces by what became of them.", "outcome"),
		spansWaiting:    metric("spans_waiting", "Spans that wait to be sent."),
		recorderKept:    metric("recorder_cascades_total", "Cascades that were kept.", "why"),
		recorderBytes:   metric("recorder_bytes", "What the kept cascades take."),
		recorderUp:      metric("recorder_up", "1 while cascades can be kept."),
		recorderFellOut: metric("recorder_fell_out_total", "Records that made room for newer ones."),
		recorderMissed:  metric("recorder_missed_total", "What was not recorded, as too much happened at the moment."),
		recorderLeft:    metric("recorder_left_total", "What went wrong and was not kept, as there was too much of it at once."),
		recorderUntold:  metric("recorder_untold_total", "Cascades that a peer was not told of, as too many waited for its link."),
	}
	f.events.keeps = 0
	f.linkUp.join, f.importUp.join, f.ready.join = math.Min, math.Min, math.Min
	return f, all
}

// add adds what a node has counted to the scrape at hand.
func (f *families) add(s stats.Stats) {
	for _, c := range s.Counts {
		f.events.add(float64(c.Count), string(c.Outcome), c.Type, c.Place, c.Rule)
	}
	f.waiting.add(float64(s.Waiting))
	f.slow.add(float64(len(s.Slow)))
	for _, l := range s.Lines {
		f.lines.add(float64(l.Waiting), l.Type, l.Place, l.Rule)
		f.lineOldest.add(l.Oldest.Seconds(), l.Type, l.Place, l.Rule)
	}
	f.cascades.add(float64(s.Cascades.Known))
	f.forgotten.add(float64(s.Cascades.Forgotten))
	for _, l := range s.Links {
		f.linkUp.add(one(l.Connected), l.Peer, l.Direction)
		f.linkMessages.add(float64(l.MessagesIn), l.Peer, l.Direction, "in")
		f.linkMessages.add(float64(l.MessagesOut), l.Peer, l.Direction, "out")
		f.linkBytes.add(float64(l.BytesIn), l.Peer, l.Direction, "in")
		f.linkBytes.add(float64(l.BytesOut), l.Peer, l.Direction, "out")
	}
	f.addDurable(s)
	if r := s.Recorder; r != nil {
		f.recorderKept.add(float64(r.Kept), "wrong")
		f.recorderKept.add(float64(r.Samples), "sample")
		f.recorderBytes.add(float64(r.Bytes))
		f.recorderUp.add(one(r.Problem == ""))
		f.recorderFellOut.add(float64(r.FellOut))
		f.recorderMissed.add(float64(r.Missed))
		f.recorderLeft.add(float64(r.Left))
		f.recorderUntold.add(float64(r.Untold))
	}
	if t := s.Traces; t != nil {
		f.spansWaiting.add(float64(t.Waiting))
		for outcome, count := range map[string]uint64{"exported": t.Exported, "queue-full": t.QueueFull, "refused": t.Refused, "closed": t.Closed, "forgotten": t.Forgotten} {
			f.spans.add(float64(count), outcome)
		}
	}
}

// addDurable adds what is about durable events.
func (f *families) addDurable(s stats.Stats) {
	if o := s.Outbox; o != nil {
		f.outboxEvents.add(float64(o.Events))
		f.outboxBytes.add(float64(o.Bytes))
		f.outboxOldest.add(o.Oldest.Seconds())
		for _, r := range o.Readers {
			f.readerBacklog.add(float64(r.Backlog), r.Service, r.Type)
			f.readerUnderWay.add(float64(r.UnderWay), r.Service, r.Type)
			f.readerAside.add(float64(r.Aside), r.Service, r.Type)
			f.readerRedelivered.add(float64(r.Redelivered), r.Service, r.Type)
			f.readerLost.add(float64(r.Lost), r.Service, r.Type)
		}
	}
	for _, i := range s.Imports {
		f.arrived.add(float64(i.Arrived), i.Type)
	}
	for _, i := range s.DurableImports {
		f.importUp.add(one(i.Connected), i.Peer, i.Type)
		f.importUnderWay.add(float64(i.UnderWay), i.Peer, i.Type)
	}
	f.letters.add(float64(s.Letters.Count))
	f.lettersOldest.add(s.Letters.Oldest.Seconds())
}

func one(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

func orOther(label string) string {
	if label == "" {
		return other
	}
	return label
}
