package cin7test

import "strconv"

func attributeName(i int) string { return "AdditionalAttribute" + strconv.Itoa(i+1) }

// attributesBody are the ten free fields of suppliers and purchases.
type attributesBody struct {
	AdditionalAttribute1, AdditionalAttribute2, AdditionalAttribute3, AdditionalAttribute4, AdditionalAttribute5  *string
	AdditionalAttribute6, AdditionalAttribute7, AdditionalAttribute8, AdditionalAttribute9, AdditionalAttribute10 *string
}

func (b attributesBody) over(to *[10]string) {
	for i, from := range []*string{b.AdditionalAttribute1, b.AdditionalAttribute2, b.AdditionalAttribute3, b.AdditionalAttribute4, b.AdditionalAttribute5,
		b.AdditionalAttribute6, b.AdditionalAttribute7, b.AdditionalAttribute8, b.AdditionalAttribute9, b.AdditionalAttribute10} {
		if from != nil {
			to[i] = *from
		}
	}
}
