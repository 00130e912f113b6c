"""How a network learns: recipes, changed clips, teachers, the loop."""
