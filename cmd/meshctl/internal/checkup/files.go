package checkup

import (
	"cmp"
	"errors"
	"slices"

	"github.com/nats-io/nkeys"

	"leafmesh/mesh/config"
)

// File is a node's file.
type File struct {
	Path string
	Node config.Node
	// Unread says that Node is not known, as of the Problems.
	Unread bool
	// Problems are those that it has alone.
	Problems []error
}

// Files judges the files of nodes, each alone and all together.
func Files(all []File) []Check {
	read, unread := []File{}, ""
	for _, f := range all {
		if !f.Unread {
			read = append(read, f)
		} else if unread == "" {
			unread = f.Path + " is not good, and so not judged with the others"
		}
	}
	together := []Check{alike(read), names(read), keys(read), agreed(read), unused(read, unread != "")}
	for i := range together {
		together[i].Skipped = cmp.Or(unread, together[i].Skipped)
	}
	return append([]Check{sound(all)}, together...)
}

// Named are the nodes that files are of or tell of.
func Named(all []File) (names []string) {
	for _, f := range all {
		if f.Unread {
			continue
		}
		names = append(names, f.Node.Name)
		for _, p := range f.Node.Peers {
			names = append(names, p.Name)
		}
	}
	return names
}

func sound(all []File) Check {
	return checked("files", "every file is good", func(c *Check) {
		for _, f := range all {
			for _, p := range f.Problems {
				problem, remedy := p.Error(), "correct it: meshctl check "+f.Path
				if e, ok := errors.AsType[*config.FieldError](p); ok && e.Remedy != "" {
					bare := *e
					bare.Remedy, remedy = "", e.Remedy
					problem = bare.Error()
				}
				c.find(remedy, "%s", problem)
			}
		}
	})
}

func alike(all []File) Check {
	return checked("payload-limits", "max_payload is the same in all files", func(c *Check) {
		for _, f := range all[min(1, len(all)):] {
			if a, b := f.Node.WithDefaults().MaxPayload, all[0].Node.WithDefaults().MaxPayload; a != b {
				c.find("give all nodes the same", "max_payload is %v in %s and %v in %s", a, f.Path, b, all[0].Path)
			}
		}
	})
}

func names(all []File) Check {
	return checked("names", "no two nodes have one name", func(c *Check) {
		for i, f := range all {
			if other := nodeOf(all[:i], f.Node.Name); other != nil {
				c.find("give one of them another instance number: nodes of one name cut each other's links", "%s and %s are both %s", other.Path, f.Path, f.Node.Name)
			}
		}
	})
}

func nodeOf(all []File, name string) *File {
	at := slices.IndexFunc(all, func(f File) bool { return f.Node.Name == name })
	if at < 0 {
		return nil
	}
	return &all[at]
}

// keys compares what each file says of its peers' keys with the seeds that are here.
func keys(all []File) Check {
	return checked("keys", "every key of a peer is the one that the peer has", func(c *Check) {
		for _, f := range all {
			for _, p := range f.Node.Peers {
				peer := nodeOf(all, p.Name)
				if peer == nil || p.Key == "" && p.KeyFile == "" || peer.Node.Seed.IsZero() {
					continue
				}
				public, err := publicKey(peer.Node.Seed)
				if err != nil {
					c.Skipped = "not all seeds are on this machine"
					continue
				}
				known, err := p.PublicKeys()
				if err == nil && !slices.Contains(known, public) {
					c.find("give "+f.Path+" the public key that belongs to the seed of "+p.Name, "%s knows %s by %s, and its seed has the public key %s", f.Path, p.Name, known[0], public)
				}
			}
		}
	})
}

func publicKey(seed config.Secret) (string, error) {
	text, err := seed.Resolve()
	if err != nil {
		return "", err
	}
	pair, err := nkeys.FromSeed([]byte(text))
	if err != nil {
		return "", errors.New("it is no seed") // without the text
	}
	defer pair.Wipe()
	return pair.PublicKey()
}

// agreed compares exports and imports: what one wants, the other has to give, and to it.
func agreed(all []File) Check {
	return checked("exchange", "exports and imports of the files agree", func(c *Check) {
		for _, f := range all {
			for _, i := range f.Node.Imports {
				for _, exporter := range all {
					if config.ServiceOf(exporter.Node.Name) == config.OwnerOf(i.Event) {
						c.exchange(f, exporter, i)
					}
				}
			}
		}
	})
}

// unused finds exports that no file imports; none where one of those that are not here may.
func unused(all []File, more bool) Check {
	return checked(unusedExports, "every export is imported by some file", func(c *Check) {
		for _, name := range Named(all) {
			if nodeOf(all, name) == nil {
				c.Skipped = "the file of " + name + " is not among these, and may import what others do not"
				more = true
			}
		}
		if more {
			return
		}
		for _, f := range all {
			for _, e := range f.Node.Exports {
				if !slices.ContainsFunc(all, func(other File) bool { return other.Node.HasImport(e.Event) }) {
					c.unused(e.IsDurable(), "%s exports %s, and none of these files imports it", f.Path, e.Event)
				}
			}
		}
	})
}

// exchange checks one import at one exporter.
func (c *Check) exchange(f, exporter File, i config.Import) {
	at := slices.IndexFunc(exporter.Node.Exports, func(e config.Export) bool { return e.Event == i.Event })
	if at < 0 {
		c.find("name it under exports of "+exporter.Path, "%s imports %s, which %s does not export", f.Path, i.Event, exporter.Path)
		return
	}
	peer := slices.IndexFunc(exporter.Node.Peers, func(p config.Peer) bool { return p.Name == f.Node.Name })
	service := config.ServiceOf(f.Node.Name)
	switch kept := exporter.Node.Exports[at].KeptFor; {
	case peer < 0 || !exporter.Node.Peers[peer].MayImport.Includes(i.Event):
		c.find("name it in may_import of "+f.Node.Name+" in "+exporter.Path, "%s imports %s, and %s does not let it", f.Path, i.Event, exporter.Path)
	case i.Durable && len(kept) == 0:
		c.find("give the export kept_for, or the import no durable", "%s imports %s as durable, and %s does not keep it", f.Path, i.Event, exporter.Path)
	case i.Durable && !slices.Contains(kept, service) && !slices.Contains(kept, f.Node.Name):
		c.find("name "+cmp.Or(service, f.Node.Name)+" under kept_for of the export", "%s imports %s as durable, and %s does not keep it for its service", f.Path, i.Event, exporter.Path)
	case i.Durable && i.Delivery != config.Each && !slices.Contains(kept, service):
		c.find("import it with delivery: each, or name service "+service+" under kept_for of the export",
			"%s keeps %s for instance %s alone, and %s imports it without delivery: each", exporter.Path, i.Event, f.Node.Name, f.Path)
	case i.Durable && i.Delivery == config.Each && !slices.Contains(kept, f.Node.Name):
		c.find("name "+f.Node.Name+" and the other instances under kept_for of the export, or import it without delivery: each",
			"%s keeps %s for service %s as a whole, and %s imports it with delivery: each", exporter.Path, i.Event, service, f.Path)
	case !i.Durable && len(kept) > 0:
		c.find("import it with durable: true, and name service "+cmp.Or(service, f.Node.Name)+" under kept_for of the export; or take kept_for away from the export",
			"%s exports %s out of its outbox, and %s does not import it as durable", exporter.Path, i.Event, f.Path)
	}
}
