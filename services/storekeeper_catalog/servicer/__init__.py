"""The catalog on the wire: protobuf messages in, the rules' values through, protobuf messages out."""
