package mesh

// Delivery says which instances of a service get an imported event.
type Delivery string

const (
	// Shared gives each event to one instance of the importing service, by a
	// queue group over the links. Two events of one key may go to two instances:
	// order within a key is kept on an instance, not among instances.
	Shared Delivery = "shared"
	// Each gives each event to every instance.
	Each Delivery = "each"
)
