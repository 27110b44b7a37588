"""What will be done: the recipe bound to its operators, and the keys by which every step is known."""
