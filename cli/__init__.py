"""What a person types: the `archipelago` command."""
