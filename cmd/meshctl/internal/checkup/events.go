package checkup

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"leafmesh/mesh/stats"
)

// stale is how long events may wait for a service before it is said that nobody takes them.
const stale = time.Minute

func backlog(there []Node) Check {
	return checked("backlog", "what is kept for services is taken", func(c *Check) {
		for _, n := range there {
			if n.Stats.Outbox != nil {
				for _, r := range n.Stats.Outbox.Readers {
					waited := n.Stats.Outbox.Oldest
					switch {
					case r.Backlog == 0:
					case !r.Known:
						c.find("start "+r.Service+" with a durable import of the type; if it is gone for good, name it under drop of the export", "%s keeps %d %s for %s, which has never come for them", n.Name, r.Backlog, r.Type, r.Service)
					case r.UnderWay == 0 && waited > stale:
						c.find("look whether "+r.Service+" runs and is linked, and at meshctl retrying", "%s keeps %d %s for %s, and none is under way; the oldest event of the outbox has waited for %v", n.Name, r.Backlog, r.Type, r.Service, waited.Round(time.Second))
					}
				}
			}
			for _, i := range n.Stats.DurableImports {
				if i.Problem != "" {
					remedy := "the problem names the file that is to be changed"
					if n.isCutOff(i.Peer) {
						remedy = "mend the link with " + i.Peer + ": meshctl links says what is known of why it is down"
					}
					c.find(remedy, "%s does not get %s from %s: %s", n.Name, i.Type, i.Peer, i.Problem)
				}
			}
		}
	})
}

// isCutOff reports whether the link by which a node imports from a peer is down: then nothing is
// wrong with what their files say.
func (n Node) isCutOff(peer string) bool {
	return slices.ContainsFunc(n.Stats.Links, func(l stats.Link) bool { return l.Peer == peer && l.Direction == "imports" && !l.Connected })
}

// cuts has notes: somebody meant it, and may have forgotten it.
func cuts(there []Node) Check {
	return checked("cuts", "no events are kept from a handler or an export by hand", func(c *Check) {
		for _, n := range there {
			if n.CutsUnknown != "" {
				c.Skipped = n.Name + " does not say: " + n.CutsUnknown
			}
			for _, f := range Cuts(n.Name, n.Cuts, n.Stats.Changes) {
				c.note(f.Remedy, "%s: %s", n.Name, f.Problem)
			}
		}
	})
}

// Cuts says what is cut at some places of a node, until when as its changes tell, and how to undo
// it.
func Cuts(node string, places []stats.Place, changes []stats.Change) (list []Finding) {
	for _, p := range places {
		by, until, flag := "", "somebody restores it, or the node is started again", "--export"
		for _, change := range changes {
			if change.What == "cut" && change.Type == p.Type && change.Place == p.Place {
				by, until = " by "+change.By, change.Until.UTC().Format(time.DateTime)
			}
		}
		if handler, isHandler := strings.CutPrefix(p.Place, "handler "); isHandler {
			flag = "--handler " + handler
		}
		list = append(list, Finding{fmt.Sprintf("%s gets no %s: cut%s until %s", p.Place, p.Type, by, until),
			"meshctl restore " + p.Type + " " + flag + " --node " + node + " undoes it"})
	}
	return list
}

func letters(there []Node) Check {
	return checked("letters", "there are no dead letters", func(c *Check) {
		for _, n := range there {
			if l := n.Stats.Letters; l.Count > 0 {
				c.find("meshctl letters lists them: mend the cause, then meshctl letters replay", "%s has %d dead letters, the oldest for %v", n.Name, l.Count, l.Oldest.Round(time.Second))
			}
		}
	})
}

// types are those that some node exports and imports, with the nodes.
func types(there []Node) (exported, imported map[string]string) {
	exported, imported = map[string]string{}, map[string]string{}
	for _, n := range there {
		for _, t := range n.Graph.Types {
			if t.Exported {
				exported[t.Type] = n.Name
			}
			if t.Imported {
				imported[t.Type] = n.Name
			}
		}
	}
	return exported, imported
}

// unusedExports is a check of nodes and of files.
const unusedExports = "unused-exports"

// unused adds an export that nobody imports. It is an offer, which costs nothing, and so a note; if
// it is kept, it fills the outbox.
func (c *Check) unused(kept bool, problem string, values ...any) {
	if kept {
		c.find("import it as durable somewhere, or take kept_for away from the export: what nobody comes for fills the outbox", problem, values...)
		return
	}
	c.note("import it somewhere, or remove the export: it costs nothing while nobody imports it", problem, values...)
}

// keeps reports whether a node keeps events of a type for some service.
func (n Node) keeps(subject string) bool {
	return n.Stats.Outbox != nil && slices.ContainsFunc(n.Stats.Outbox.Readers, func(r stats.OutboxReader) bool { return r.Type == subject })
}

func exports(there []Node, missing string) Check {
	return checked(unusedExports, "every export is imported by some node", func(c *Check) {
		if missing != "" {
			c.Skipped = missing + " did not answer, and may import what others do not"
			return
		}
		exported, imported := types(there)
		for _, t := range slices.Sorted(maps.Keys(exported)) {
			if imported[t] == "" {
				kept := slices.ContainsFunc(there, func(n Node) bool { return n.keeps(t) })
				c.unused(kept, "%s exports %s, and nobody imports it", exported[t], t)
			}
		}
	})
}

func imports(there []Node, missing string) Check {
	return checked("unmet-imports", "every import is exported by some node", func(c *Check) {
		if missing != "" {
			c.Skipped = missing + " did not answer, and may export what others do not"
			return
		}
		exported, imported := types(there)
		for _, t := range slices.Sorted(maps.Keys(imported)) {
			if exported[t] == "" {
				c.find("correct the name, or export it at its service", "%s imports %s, and nobody exports it", imported[t], t)
			}
		}
	})
}

// counted adds a finding for each counter that is meant.
func counted(c *Check, there []Node, remedy string, meant func(stats.Count) bool) {
	for _, n := range there {
		for _, count := range n.Stats.Counts {
			if meant(count) {
				c.find(remedy, "%s: %v, since it was started", n.Name, count)
			}
		}
	}
}

func payloads(there []Node) Check {
	return checked("payloads", "no event is too large", func(c *Check) {
		counted(c, there, "make the payload smaller, or raise max_payload on all nodes", func(count stats.Count) bool { return count.Rule == stats.PayloadSize })
	})
}

func losses(there []Node) Check {
	return checked("losses", "no event was lost, but for what rules refuse or shed", func(c *Check) {
		counted(c, there, "meshctl why explains an event of which the log has a line; what may not be lost is exported with kept_for", func(count stats.Count) bool {
			return count.Outcome == stats.Lost && count.Rule != stats.PayloadSize && !strings.HasPrefix(count.Place, "tap")
		})
	})
}

func handlers(there []Node) Check {
	return checked("handlers", "every handler returns in time", func(c *Check) {
		for _, n := range there {
			for _, r := range n.Stats.Slow {
				c.find("meshctl why "+r.Root.String()+" shows the cascade; a profile of the node shows where the handler is", "%s: handler %s has run for %v with %s (key %s)", n.Name, r.Handler, r.For.Round(time.Millisecond), r.Type, r.Key)
			}
		}
	})
}

// maxCascades is how many cascades the guard of a node knows at most: see stats.Cascades.
const maxCascades = 1 << 16

func rules(there []Node) Check {
	return checked("rules", "the rules and the guard have room for all keys and cascades", func(c *Check) {
		counted(c, there, "raise keys of the rule: meshctl limits set --keys", func(count stats.Count) bool { return count.Outcome == stats.Overflowed })
		for _, n := range there {
			if g := n.Stats.Cascades; g.Known >= maxCascades && g.Forgotten > 0 {
				c.find("find with meshctl top what begins so many cascades", "%s: the guard knows %d cascades, as many as it can, and has forgotten %d", n.Name, g.Known, g.Forgotten)
			}
		}
	})
}

// reach is how far back a flight recorder should go, so that somebody has time to ask.
const reach = time.Minute

func recorders(there []Node) Check {
	return checked("recorders", "the flight recorders reach back far enough", func(c *Check) {
		for _, n := range there {
			if n.Damaged != "" {
				c.find("look at the disk of its data directory; a file of the folder cascades there goes by itself within a day", "%s: %s", n.Name, n.Damaged)
			}
			r := n.Stats.Recorder
			if r == nil {
				continue // its file says so
			}
			if back := time.Duration(n.Stats.At - r.Since); r.Since != 0 && back >= 0 && back < reach { // not of a clock that was set back
				c.find("raise recorder in its file", "%s: the recorder is full, and reaches back only %v", n.Name, back.Round(time.Millisecond))
			}
			if r.Missed > 0 {
				c.find("the machine is overloaded, or many write at once: look at meshctl top", "%s: %d steps were not recorded", n.Name, r.Missed)
			}
			if r.Problem != "" {
				c.find("look at the disk of its data directory", "%s keeps no cascades that went wrong: %s", n.Name, r.Problem)
			}
		}
	})
}
