"""The rendered world: designs, shapes, prints, rooms, light, and the photographs of them."""
