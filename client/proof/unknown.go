package proof

import (
	"fmt"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// noUnknown refuses fields that this program does not know, at any depth.
func noUnknown(m protoreflect.Message) (err error) {
	if len(m.GetUnknown()) > 0 {
		return fmt.Errorf("%s holds fields that this program does not know", m.Descriptor().Name())
	}
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.Kind() != protoreflect.MessageKind:
		case f.IsList():
			list := v.List()
			for i := 0; i < list.Len() && err == nil; i++ {
				err = noUnknown(list.Get(i).Message())
			}
		default:
			err = noUnknown(v.Message())
		}
		return err == nil
	})
	return err
}
