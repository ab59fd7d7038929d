package netsuite_test

import (
	"errors"
	"testing"

	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/netsuite/netsuitetest"
)

func TestUnits(t *testing.T) {
	t.Parallel()
	a := openAccount(t, netsuitetest.Options{}, "p256")
	shop(a)
	a.PutUnit(netsuitetest.Unit{ID: 3, UnitsType: 2, Name: "Box", Rate: "12"})
	got, err := a.Units(t.Context(), 1, 2)
	if err != nil {
		t.Fatal(err)
	}
	diff(t, got, []netsuite.Unit{{ID: 1, Type: 1, Name: "Metre", Rate: d("1")}, {ID: 2, Type: 1, Name: "Roll", Rate: d("50")}})
}

func TestUnitsHidden(t *testing.T) {
	t.Parallel()
	a := openAccount(t, netsuitetest.Options{HideTables: []string{"unitstypeuom"}}, "p256")
	if _, err := a.Units(t.Context(), 1); !errors.Is(err, netsuite.ErrHidden) {
		t.Errorf("got %v, want ErrHidden", err)
	}
}
