package secret

// Binding ties a sealed value to its place: opening it anywhere else fails.
type Binding struct {
	Deployment string // this installation
	Tenant     string
	Field      string
	Version    int64 // of the tenant's credentials
}

// Keyset seals values for storage. It is safe for concurrent use.
type Keyset struct{}

// Init makes a new keyset file, readable by its owner alone; an existing file
// is an error.
func Init(path string) (*Keyset, error) { panic("wip") }

// Load reads a keyset file.
func Load(path string) (*Keyset, error) { panic("wip") }

// Ephemeral returns a keyset that lives in memory only, for demos and tests.
func Ephemeral() (*Keyset, error) { panic("wip") }

// KeyInfo describes a key without showing it.
type KeyInfo struct {
	ID      uint32
	Primary bool
	Status  string
}

// Keys lists the keys.
func (k *Keyset) Keys() []KeyInfo { panic("wip") }

// Seal encrypts a value.
func (k *Keyset) Seal(plain []byte, b Binding) ([]byte, error) { panic("wip") }

// Open decrypts what Seal made for the same binding.
func (k *Keyset) Open(sealed []byte, b Binding) ([]byte, error) { panic("wip") }
