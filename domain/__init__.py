"""What is true and what may happen: one aggregate per module, standard library only."""
