"""What the system tests stand on: a relay process, raw visitors, raw pool agents, npm peers."""
