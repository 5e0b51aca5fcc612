"""What happens to a message, from `/send` to the client's ack."""
