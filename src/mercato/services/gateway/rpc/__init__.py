"""What the gateway asks of other services: protobuf stops here, entities go in and out."""
