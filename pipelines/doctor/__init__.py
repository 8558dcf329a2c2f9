"""What this machine has and lacks for ObjectMate, each with the command that fixes it."""
