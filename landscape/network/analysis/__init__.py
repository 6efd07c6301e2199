"""What a network says: states, modules, hubs, activities, files for other programs."""
